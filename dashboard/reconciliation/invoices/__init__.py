"""Invoices: what providers say that they charge, read from their cost exports and from tables of one's own."""
