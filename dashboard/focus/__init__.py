"""The FOCUS export: the ledger's charges, one row per day, price and owner."""
