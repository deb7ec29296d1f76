"""Invoices: lines of what providers charge, their parser and their store."""
