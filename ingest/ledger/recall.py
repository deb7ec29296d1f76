"""Calls read back from the ledger, as far as their price depends on them: what pricing asks of an event, and its money.

A call is read back as it was priced, but for what its source reported (its components are the charge's). Rows come in
slices of one snapshot, so that a million calls need the memory of a few thousand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from ingest.event import ReportedCost, UsageEvent
from ingest.ledger import dialects
from ingest.ledger.fields import TERMS
from ingest.ledger.tables import attribution, directory, term, usage_event

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
    "audio_ms",
    "video_ms",
    "characters",
    "images",
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

Owners = Mapping[int, tuple[str | None, str | None]]

Values = Mapping[str, Any]


def recall(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], beside: Sequence[str] = ()
) -> Iterator[tuple[UsageEvent, Values]]:
    """The calls that meet all conditions, each with the values of the columns `beside`, oldest first."""
    held = usage_event.c
    names = (*ASKED, "reported_total", *beside)
    columns = [_undecoded(held[f"{name}_id" if name in TERMS else name]) for name in names]
    select = (
        sa.select(held.attribution_id, *columns)
        .where(*where)
        .order_by(held.occurred_at, held.seq)
        .execution_options(yield_per=SLICE)
    )
    texts: dict[int | None, str | None] = {None: None}
    owners: dict[int, tuple[str | None, str | None]] = {}
    coded = [at for at, name in enumerate(names, 1) if name in TERMS]
    for rows in connection.execute(select).partitions():
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
