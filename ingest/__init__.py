"""The write side of Tallybook: bytes become records, usage events, charges, and rows of the ledger.

It ends when a call is priced, attributed and stored.
"""

__version__ = "0.1.0"
