"""Exchange rates: the model, the table in the ledger, the import, the commands."""
