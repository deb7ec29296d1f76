"""Spend and usage by dimension: the command and the HTTP endpoint."""
