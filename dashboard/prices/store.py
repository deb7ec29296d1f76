"""Stored calls for price views: unpriced calls, reported against computed totals, a call with its prices."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from dashboard.query import labels
from dashboard.query.question import Filter, Period
from dashboard.query.sql.filters import restrictions, term_id
from ingest.ledger import event_reader
from ingest.ledger.engine import Ledger
from ingest.ledger.event_reader import StoredCall, Values
from ingest.ledger.price_sets import price_set_of
from ingest.ledger.rollups import join_sum, split_sum
from ingest.ledger.tables.calls import price_set, term, usage_event
from ingest.model.event import UsageEvent
from ingest.pricing.rates import PriceSet

Where = Sequence[sa.ColumnElement[bool]]
"""Conditions on calls; a call must meet all of them."""
UnpricedRow = tuple[str, str, str, int, int, int, int, bool]
"""Provider, model, reason, calls, tokens, the instants of the first and last call (microseconds UTC), and
whether the rest of the usage is priced."""


@dataclass(frozen=True, slots=True)
class ComparedTotals:
    """Reported and computed totals, in pico-units, of a model's calls that have both costs."""

    ids: tuple[int, int, int]
    """The term ids of provider, model and currency."""
    requests: int
    reported: int
    computed: int


def calls_within(ledger: Ledger, period: Period, filters: Iterable[Filter]) -> Where:
    """The conditions of a period, of filters, and of the reader's row-level access."""
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    start, end = period.micros
    return [at >= start, at < end, *restrictions(filters, usage_event, ledger.keyring)]


def unpriced_calls(
    ledger: Ledger, period: Period, filters: Iterable[Filter], *, partly: bool
) -> list[UnpricedRow]:
    """The unpriced calls of a period and filters, by model and reason.

    With `partly`, calls of which only a part has a price are in the list too.
    """
    c = usage_event.c
    at = sa.type_coerce(c.occurred_at, sa.BigInteger)
    parts = sa.func.coalesce(c.input_tokens, 0) + sa.func.coalesce(c.output_tokens, 0)
    is_unpriced = c.cost_source_id == term_id("unpriced")
    keys = (c.provider_id, c.model_id, c.unpriced_reason_id, is_unpriced)
    select = (
        sa.select(
            *keys,
            sa.func.count(),
            sa.func.sum(sa.func.coalesce(c.total_tokens, parts)),
            sa.func.min(at),
            sa.func.max(at),
        )
        .where(
            c.unpriced_reason_id.is_not(None) if partly else is_unpriced,
            *calls_within(ledger, period, filters),
        )
        .group_by(*keys)
    )
    with ledger.reading() as connection:
        rows = connection.execute(select).all()
        texts = labels.term_texts(connection, {ident for row in rows for ident in row[:3]})
    unpriced = []
    for row in rows:
        provider, model, reason = (texts[ident] or "unknown" for ident in row[:3])
        requests, tokens, first_at, last_at = map(int, row[4:])
        is_partly_priced = not row[3]
        unpriced.append((provider, model, reason, requests, tokens, first_at, last_at, is_partly_priced))
    return unpriced


def with_both_totals(where: Where) -> Where:
    """The conditions, narrowed to calls that have both a reported and a computed total."""
    c = usage_event.c
    return [*where, c.reported_total.is_not(None), c.computed_total.is_not(None)]


def compared_totals(connection: sa.Connection, where: Where) -> Iterator[ComparedTotals]:
    """Reported and computed totals by model and currency."""
    c = usage_event.c
    keys = (c.provider_id, c.model_id, c.currency_id)
    amounts = [
        part
        for name in ("reported_total", "computed_total")
        for part in split_sum(sa.type_coerce(c[name], sa.BigInteger), name)
    ]
    rows = connection.execute(sa.select(*keys, sa.func.count(), *amounts).where(*where).group_by(*keys))
    for row in rows:
        ids = (row[0], row[1], row[2])
        yield ComparedTotals(ids, int(row[3]), join_sum(row[4], row[5]), join_sum(row[6], row[7]))


def calls_of(connection: sa.Connection, where: Where, totals: ComparedTotals, limit: int) -> list[StoredCall]:
    """The first calls that are summed in `totals`, at most `limit`."""
    c = usage_event.c
    columns = (c.provider_id, c.model_id, c.currency_id)
    of_model = [column == ident for column, ident in zip(columns, totals.ids, strict=True)]
    return event_reader.read_calls(connection, 0, limit, [*where, *of_model])


def calls(
    connection: sa.Connection, where: Where, columns: Sequence[str]
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls that meet the conditions, each with the values of `columns`, oldest first."""
    return event_reader.stream_calls(connection, where, columns)


def matching_ids(ledger: Ledger, text: str, limit: int) -> list[tuple[str, str, str | None]]:
    """Event id, source and source's id of the calls that a text identifies, at most `limit`.

    The text is an event id, the id that a source gave, or SOURCE:ID.
    """
    c = usage_event.c
    # Some sources prefix their ids with the provider: PROVIDER:ID.
    ends = c.source_event_id.endswith(f":{text}", autoescape=True)
    has_source_id = sa.or_(c.source_event_id == text, ends)
    source, colon, ident = text.partition(":")
    if colon:
        ids = sa.select(term.c.term_id).where(term.c.text == source)
        of_source = sa.or_(
            c.source_event_id == ident, c.source_event_id.endswith(f":{ident}", autoescape=True)
        )
        has_source_id = sa.or_(has_source_id, sa.and_(c.source_id.in_(ids), of_source))
    try:
        has_event_id = c.event_id == str(UUID(text))
    except ValueError:
        has_event_id = None
    select = (
        sa.select(c.event_id, term.c.text, c.source_event_id)
        .join(term, term.c.term_id == c.source_id)
        .order_by(c.occurred_at, c.seq)
        .where(*restrictions((), usage_event, ledger.keyring))
        .limit(limit)
    )
    with ledger.reading() as connection:
        rows = [] if has_event_id is None else connection.execute(select.where(has_event_id)).all()
        if not rows:  # a source's id may be a UUID as well
            rows = connection.execute(select.where(has_source_id)).all()
    return [(row[0], row[1], row[2]) for row in rows]


def call(
    connection: sa.Connection, ledger: Ledger, event_id: UUID, columns: Sequence[str]
) -> tuple[UsageEvent, Values] | None:
    """The call with an event id and the values of `columns`; None if the reader sees no such call."""
    where = [usage_event.c.event_id == event_id.bytes, *restrictions((), usage_event, ledger.keyring)]
    return next(event_reader.stream_calls(connection, where, columns), None)


def stored_prices(connection: sa.Connection, price_set_id: Any) -> PriceSet | None:
    """The price set that a call was priced with, or None."""
    if price_set_id is None:
        return None
    select = sa.select(price_set).where(price_set.c.price_set_id == price_set_id)
    return price_set_of(connection.execute(select).mappings().one())
