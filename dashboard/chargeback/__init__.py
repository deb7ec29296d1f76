"""Chargeback: what each team, customer and cost centre owes for a period, and the closing of periods."""
