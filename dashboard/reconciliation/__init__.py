"""Reconciliation: providers' invoices compared with the ledger."""
