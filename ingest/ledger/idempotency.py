"""Idempotency: the first answer to a request with an Idempotency-Key is stored and given again unchanged."""

import hashlib

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import receipt


def stored_answer(connection: sa.Connection, key: str) -> str | None:
    """The answer already given to the request with this key, or None."""
    return connection.execute(sa.select(receipt.c.answer).where(receipt.c.key_hash == _hash(key))).scalar()


def store_answer(connection: sa.Connection, key: str, answer: str, at: int) -> str:
    """Store the answer to the request with this key. Returns the first stored answer, which counts."""
    row = {"key_hash": _hash(key), "answer": answer, "made_at": at}
    connection.execute(dialects.insert(connection, receipt).on_conflict_do_nothing(), [row])
    return stored_answer(connection, key) or answer


def _hash(key: str) -> bytes:
    """The hash that identifies a key. The key itself may be sensitive and is not stored."""
    return hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).digest()
