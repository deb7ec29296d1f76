"""Calls read back from the ledger, as far as their price depends on them: what pricing asks of an event, and its money.

`stream` reads calls in the order of their time, all of one snapshot and in the memory of a few thousand, with the total that
their source reported. `recall` reads some calls in the order of their rows, with the charge that they stand at and their
reported cost whole: where it counts, its parts are the stored components; where it does not, its total is what is known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ingest.event import ReportedCost, UsageEvent
from ingest.ledger import dialects
from ingest.ledger.fields import FACTS, TERMS
from ingest.ledger.tables import attribution, directory, price_set, term, usage_event
from ingest.pricing.charge import COMPONENTS, MONEY, Charge
from ingest.pricing.computed import UNSTATED

ASKED: Final = (
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
    "cache_write_tokens",
    "cache_write_1h_tokens",
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
"""What pricing asks of an event, beside the team and the customer."""

SLICE: Final = 5_000

_OF_CHARGE: Final = (*(name for name in FACTS if name in MONEY), "cost_source", "unpriced_reason")
_PART: Final[Mapping[str, str]] = {name.removesuffix("_cost"): name for name in COMPONENTS}

Owners = Mapping[int, tuple[str | None, str | None]]

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A call that is in the ledger: its row, when it was, what pricing is to know of it, what it stands at."""

    seq: int
    occurred_at: int
    event: UsageEvent
    charge: Charge


def stream(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], beside: Sequence[str] = ()
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls that meet all conditions, each with the values of the columns `beside`, oldest first."""
    held = usage_event.c
    select = sa.select(held.attribution_id).where(*where).order_by(held.occurred_at, held.seq)
    return _calls(connection, select, beside)


def recall(
    connection: sa.Connection, after: int, limit: int, where: Sequence[sa.ColumnElement[bool]] = ()
) -> list[Recalled]:
    """The next calls behind the row `after` that meet all conditions, in the order of their rows, at most `limit`."""
    held = usage_event.c
    select = sa.select(held.attribution_id).where(held.seq > after, *where).order_by(held.seq).limit(limit)
    rows = list(_calls(connection, select, ("seq", "price_set_id", *_OF_CHARGE)))
    digests = _digests(connection, {values["price_set_id"] for _, values in rows})
    return [_recalled(event, values, digests.get(values["price_set_id"])) for event, values in rows]


def same(one: Charge, other: Charge) -> bool:
    """Whether two charges are the same to the last unit and by the same prices."""
    return msgspec.structs.astuple(one) == msgspec.structs.astuple(other)


def _calls(
    connection: sa.Connection, select: sa.Select[Any], beside: Sequence[str]
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls of a selection, each with the values of the columns `beside`."""
    names = (*ASKED, "reported_total", *beside)
    columns = [_undecoded(usage_event.c[f"{name}_id" if name in TERMS else name]) for name in names]
    texts: dict[int | None, str | None] = {None: None}
    owners: dict[int, tuple[str | None, str | None]] = {}
    coded = [at for at, name in enumerate(names, 1) if name in TERMS]
    read = connection.execute(select.add_columns(*columns).execution_options(yield_per=SLICE))
    for rows in read.partitions():
        _add_texts(connection, texts, {row[at] for row in rows for at in coded})
        _add_owners(connection, owners, {row[0] for row in rows})
        for row in rows:
            values = list(row)
            for at in coded:
                values[at] = texts[values[at]]
            yield _event(values, owners), dict(zip(beside, values[_BESIDE_AT:], strict=True))


_BESIDE_AT: Final = len(ASKED) + 2


def _event(values: list[Any], owners: Owners) -> UsageEvent:
    owner = owners.get(values[0], _NOBODY)
    reported = values[_BESIDE_AT - 1]
    return UsageEvent(
        team=owner[0],
        customer=owner[1],
        reported=None if reported is None else ReportedCost(total=reported),
        **dict(zip(ASKED, values[1 : _BESIDE_AT - 1], strict=True)),
    )


_NOBODY: Final = (None, None)


def _recalled(event: UsageEvent, values: Values, digest: str | None) -> Recalled:
    charge = Charge(price_set=digest, **{name: values[name] for name in _OF_CHARGE})
    if charge.cost_source == "reported":
        parts = {part: values[name] for part, name in _PART.items()}
        whole = ReportedCost(**parts, total=charge.total_cost, believed_zero=charge.total_cost == 0)
        event = msgspec.structs.replace(event, reported=whole)
    elif event.reported is None and digest is not None:
        # It has the currency of the prices, which may be others now.
        event = msgspec.structs.replace(event, currency=UNSTATED)
    assert event.occurred_at is not None
    return Recalled(values["seq"], event.occurred_at, event, charge)


def _digests(connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, str]:
    c = price_set.c
    found: dict[int, str] = {}
    for some in dialects.chunks(sorted(one for one in ids if one is not None)):
        rows = connection.execute(sa.select(c.price_set_id, c.digest).where(c.price_set_id.in_(some)))
        found.update((row[0], row[1]) for row in rows)
    return found


def _add_texts(connection: sa.Connection, known: dict[int | None, str | None], ids: Iterable[Any]) -> None:
    new = sorted(one for one in ids if one not in known)
    for some in dialects.chunks(new):
        found = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(some))
        known.update((row[0], row[1]) for row in connection.execute(found))


def _add_owners(
    connection: sa.Connection, known: dict[int, tuple[str | None, str | None]], ids: Iterable[int]
) -> None:
    """The ids by which price terms know the team and the customer of an attribution."""
    team, customer = directory.alias(), directory.alias()
    new = sorted(one for one in ids if one not in known)
    for some in dialects.chunks(new):
        found = (
            sa.select(attribution.c.attribution_id, team.c.ident, customer.c.ident)
            .outerjoin(team, team.c.entry_id == attribution.c.team_id)
            .outerjoin(customer, customer.c.entry_id == attribution.c.customer_id)
            .where(attribution.c.attribution_id.in_(some))
        )
        known.update((row[0], (row[1], row[2])) for row in connection.execute(found))


def _undecoded(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as the integer or bytes that the database holds."""
    kind = column.type
    if isinstance(kind, sa.types.TypeDecorator):
        return sa.type_coerce(column, kind.impl_instance).label(str(column.key))
    return column
