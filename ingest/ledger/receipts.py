"""Receipts of requests that had an Idempotency-Key: the first answer stands and is given again, word for word."""

import hashlib

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables import receipt


def recall(connection: sa.Connection, key: str) -> str | None:
    """The answer that was given to the request with this key, if there was one."""
    return connection.execute(sa.select(receipt.c.answer).where(receipt.c.key_hash == _hash(key))).scalar()


def remember(connection: sa.Connection, key: str, answer: str, at: int) -> str:
    """Keep the answer to the request with this key, and return the one that stands: the first."""
    row = {"key_hash": _hash(key), "answer": answer, "made_at": at}
    connection.execute(dialects.insert(connection, receipt).on_conflict_do_nothing(), [row])
    return recall(connection, key) or answer


def _hash(key: str) -> bytes:
    """Keys may hold what is nobody's business; a hash finds them again as well."""
    return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).digest()
