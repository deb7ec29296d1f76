"""Alerts: rules about spend and calls, their evaluation, and the messages about what they find."""
