"""Calls read back from the ledger with the fields that pricing needs, and their money.

`stream_calls` reads calls by time, from one snapshot, with a few thousand in memory at once and with their
reported total. `read_calls` reads a page of calls in row order, with their stored charge and their reported
cost. If the reported cost counts, its parts are the stored components; otherwise only its total is known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.fields import FACTS, TERMS
from ingest.ledger.tables.calls import attribution, directory, price_set, term, usage_event
from ingest.ledger.types import undecoded
from ingest.model import flags
from ingest.model.event import ReportedCost, UsageEvent
from ingest.pricing.charge import COMPONENTS, MONEY, Charge
from ingest.pricing.compute import UNSTATED

PRICED_FIELDS: Final = (
    "source",
    "occurred_at",
    "request_type",
    "provider",
    "model",
    "service_tier",
    "region",
    "status",
    "input_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_tokens",
    "cache_read_audio_tokens",
    "cache_read_image_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
    "output_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "total_tokens",
    "search_queries",
    "tool_calls",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "image_size",
    "image_quality",
    "pages",
    "search_units",
    "cache_hit",
    "cache_hit_type",
    "cache_requested_provider",
    "cache_requested_model",
    "cache_used_provider",
    "cache_used_model",
    "cache_lookup_tokens",
    "replayed_input_tokens",
    "replayed_output_tokens",
    "replayed_cache_read_tokens",
    "replayed_cache_write_tokens",
    "currency",
)
"""The fields of an event that its price depends on, besides the team and the customer."""

SLICE: Final = 5_000

_CHARGE_FIELDS: Final = (*(name for name in FACTS if name in MONEY), "cost_source", "unpriced_reason")
_COLUMN_OF_PART: Final[Mapping[str, str]] = {name.removesuffix("_cost"): name for name in COMPONENTS}

Owners = Mapping[int, tuple[str | None, str | None]]

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call of the ledger: its row number, its time, the event that pricing needs, its charge, its flags."""

    seq: int
    occurred_at: int
    event: UsageEvent
    charge: Charge
    flags: tuple[str, ...] = ()


def stream_calls(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], extra_columns: Sequence[str] = ()
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls that meet all conditions, each with the values of `extra_columns`, oldest first."""
    c = usage_event.c
    select = sa.select(c.attribution_id).where(*where).order_by(c.occurred_at, c.seq)
    return _calls(connection, select, extra_columns)


def read_calls(
    connection: sa.Connection, after: int, limit: int, where: Sequence[sa.ColumnElement[bool]] = ()
) -> list[StoredCall]:
    """At most `limit` calls after the row `after` that meet all conditions, in row order."""
    c = usage_event.c
    select = sa.select(c.attribution_id).where(c.seq > after, *where).order_by(c.seq).limit(limit)
    rows = list(_calls(connection, select, ("seq", "price_set_id", "flags", *_CHARGE_FIELDS)))
    digests = _digests(connection, {values["price_set_id"] for _, values in rows})
    return [_stored_call(event, values, digests.get(values["price_set_id"])) for event, values in rows]


def is_same_charge(charge: Charge, other: Charge) -> bool:
    """Whether two charges are equal in every amount and have the same price set."""
    return msgspec.structs.astuple(charge) == msgspec.structs.astuple(other)


def _calls(
    connection: sa.Connection, select: sa.Select[Any], extra_columns: Sequence[str]
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls of a selection, each with the values of `extra_columns`."""
    names = (*PRICED_FIELDS, "reported_total", *extra_columns)
    columns = [undecoded(usage_event.c[f"{name}_id" if name in TERMS else name]) for name in names]
    texts: dict[int | None, str | None] = {None: None}
    owners: dict[int, tuple[str | None, str | None]] = {}
    term_positions = [position for position, name in enumerate(names, 1) if name in TERMS]
    read = connection.execute(select.add_columns(*columns).execution_options(yield_per=SLICE))
    for rows in read.partitions():
        _add_texts(connection, texts, {row[position] for row in rows for position in term_positions})
        _add_owners(connection, owners, {row[0] for row in rows})
        for row in rows:
            values = list(row)
            for position in term_positions:
                values[position] = texts[values[position]]
            yield _event(values, owners), dict(zip(extra_columns, values[_EXTRA_AT:], strict=True))


_EXTRA_AT: Final = len(PRICED_FIELDS) + 2


def _event(values: list[Any], owners: Owners) -> UsageEvent:
    owner = owners.get(values[0], _NO_OWNER)
    reported = values[_EXTRA_AT - 1]
    return UsageEvent(
        team=owner[0],
        customer=owner[1],
        reported=None if reported is None else ReportedCost(total=reported),
        **dict(zip(PRICED_FIELDS, values[1 : _EXTRA_AT - 1], strict=True)),
    )


_NO_OWNER: Final = (None, None)


def _stored_call(event: UsageEvent, values: Values, digest: str | None) -> StoredCall:
    charge = Charge(price_set=digest, **{name: values[name] for name in _CHARGE_FIELDS})
    if charge.cost_source == "reported":
        parts = {part: values[name] for part, name in _COLUMN_OF_PART.items()}
        whole = ReportedCost(**parts, total=charge.total_cost, believed_zero=charge.total_cost == 0)
        event = msgspec.structs.replace(event, reported=whole)
    elif event.reported is None and digest is not None:
        # The stored currency is the currency of its prices, which may have changed.
        event = msgspec.structs.replace(event, currency=UNSTATED)
    assert event.occurred_at is not None
    return StoredCall(values["seq"], event.occurred_at, event, charge, flags.split(values["flags"]))


def _digests(connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, str]:
    c = price_set.c
    digests: dict[int, str] = {}
    for chunk in dialects.chunks(sorted(price_set_id for price_set_id in ids if price_set_id is not None)):
        rows = connection.execute(sa.select(c.price_set_id, c.digest).where(c.price_set_id.in_(chunk)))
        digests.update((row[0], row[1]) for row in rows)
    return digests


def _add_texts(connection: sa.Connection, texts: dict[int | None, str | None], ids: Iterable[Any]) -> None:
    new = sorted(term_id for term_id in ids if term_id not in texts)
    for chunk in dialects.chunks(new):
        query = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(chunk))
        texts.update((row[0], row[1]) for row in connection.execute(query))


def _add_owners(
    connection: sa.Connection, owners: dict[int, tuple[str | None, str | None]], ids: Iterable[int]
) -> None:
    """Add the idents of each attribution's team and customer, which price terms refer to."""
    team, customer = directory.alias(), directory.alias()
    new = sorted(attribution_id for attribution_id in ids if attribution_id not in owners)
    for chunk in dialects.chunks(new):
        query = (
            sa.select(attribution.c.attribution_id, team.c.ident, customer.c.ident)
            .outerjoin(team, team.c.entry_id == attribution.c.team_id)
            .outerjoin(customer, customer.c.entry_id == attribution.c.customer_id)
            .where(attribution.c.attribution_id.in_(chunk))
        )
        owners.update((row[0], (row[1], row[2])) for row in connection.execute(query))
