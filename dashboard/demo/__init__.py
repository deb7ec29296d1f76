"""The demo: a ledger with sample traffic and sample books, to explore before real data arrive."""

from dashboard.demo.load import make_demo

__all__ = ["make_demo"]
