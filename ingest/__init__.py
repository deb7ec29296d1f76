"""The write side of Tallybook: bytes become records, usage events, charges, and rows of the ledger."""

__version__ = "0.1.0"
