"""Budgets: limits of spend or tokens, their usage and history."""
