"""The FOCUS export: the ledger's charges, with a row for each day, SKU price and owner."""
