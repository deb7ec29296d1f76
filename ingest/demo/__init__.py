"""Sample traffic: a ledger to look at before there is one of one's own."""

from ingest.demo.demo import make_demo

__all__ = ["make_demo"]
