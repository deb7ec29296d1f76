"""Budgets: limits of spend or tokens."""
