"""The ledger: tables, types, engine, the differences between databases, the writer and the rollups."""
