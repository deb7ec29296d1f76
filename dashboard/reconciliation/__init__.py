"""Invoices held against the ledger."""
