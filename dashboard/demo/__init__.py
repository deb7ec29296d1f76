"""The demo: a ledger with sample traffic and sample books, to explore before real data arrive."""
