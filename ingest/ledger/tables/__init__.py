"""Every table of the ledger, in one metadata. Importing this package registers them all."""
