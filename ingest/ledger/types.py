"""Column types that behave the same on every database.

An instant is a BIGINT of microseconds since 1970-01-01 UTC, money a BIGINT of pico-units, an event id 16
bytes. Bulk writes and grouped reads use the stored integers; single rows are decoded.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from ingest.model import money
from ingest.model.zone import instant, micros


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as BIGINT microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return micros(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else instant(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount of a single event, stored as BIGINT pico-units (`ingest.model.money`)."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return money.to_pico(value) if isinstance(value, Decimal) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else money.from_pico(value)


class EventId(TypeDecorator[str]):
    """A 128-bit identity, stored as 16 bytes and decoded as the text of a UUID."""

    impl = sa.LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002
        return UUID(value).bytes if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(UUID(bytes=bytes(value)))


def undecoded(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as the integer or bytes in the database."""
    kind = column.type
    if isinstance(kind, TypeDecorator):
        return sa.type_coerce(column, kind.impl_instance).label(str(column.key))
    return column
