"""Alerts: what is judged about spend, and what people are told of it."""
