"""Checks of the invariants on a live ledger: each is a query without rows while its invariant holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import sqlalchemy as sa

from ingest.ledger import histogram
from ingest.ledger.engine import Ledger
from ingest.ledger.finance_checks import broken_chains, stale_owners
from ingest.ledger.rollups import event_sums, join_sum, merged, split_sum
from ingest.ledger.tables.calls import (
    DAY_ROLLUPS,
    DIMENSIONS,
    LATENCY_HISTOGRAMS,
    MEASURES,
    attribution,
    call_span,
    directory,
    dirty_slot,
    rollup_day,
    rollup_slot,
    term,
    usage_event,
)
from ingest.model.event import ARRIVAL
from ingest.model.flags import FLAGS, split
from ingest.model.zone import HOUR, date_of
from ingest.pricing.charge import COMPONENTS

_TWO_VIEWS: Final = ("bifrost", "bifrost-log")
"""Sources that see one traffic: live responses, and rows of the gateway's log."""
_DAY: Final = 24 * HOUR
RETRIED_WITHIN: Final = 60_000_000
"""Microseconds between a request and one that may be its repetition."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A violated invariant, with the place of the violation."""

    invariant: str
    level: Literal["error", "warning"]
    detail: str


Check = Callable[[sa.Connection, Ledger], Iterator[Finding]]


def verify(ledger: Ledger) -> list[Finding]:
    """Check every invariant. No findings means that the ledger keeps all of them."""
    with ledger.reading() as connection:
        return [finding for check in CHECKS for finding in check(connection, ledger)]


def _counted_once(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    identity = (usage_event.c.source_id, usage_event.c.source_event_id)
    repeated = sa.select(*identity).group_by(*identity).having(sa.func.count() > 1).subquery()
    if count := _count(connection, sa.select(sa.func.count()).select_from(repeated)):
        yield Finding(
            "once", "error", f"{count} identities (source, source event id) stand in several events"
        )


def _calls_of_spans_count_once(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    """A span for whose call another span stands is no event of its own."""
    both = usage_event.join(call_span, call_span.c.event_id == usage_event.c.event_id)
    doubled = sa.select(sa.func.count()).select_from(both).where(call_span.c.call_id != call_span.c.event_id)
    if count := _count(connection, doubled):
        yield Finding("once", "error", f"{count} events are spans for whose call another span stands")


def _parts_fit(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    c = usage_event.c
    parts = {
        "cache_read_tokens + cache_write_tokens": (
            _zero(c.cache_read_tokens) + _zero(c.cache_write_tokens),
            c.input_tokens,
        ),
        "input_audio_tokens": (_zero(c.input_audio_tokens), c.input_tokens),
        "reasoning_tokens": (_zero(c.reasoning_tokens), c.output_tokens),
        "output_audio_tokens": (_zero(c.output_audio_tokens), c.output_tokens),
    }
    for name, (part, whole) in parts.items():
        if count := _events(connection, part > _zero(whole)):
            yield Finding("inclusive totals", "error", f"{count} events have more {name} than {whole.name}")


def _components_add_up(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    total = sa.type_coerce(usage_event.c.total_cost, sa.BigInteger)
    parts = sum((_zero(usage_event.c[name]) for name in COMPONENTS), start=sa.literal(0, sa.BigInteger))
    if count := _events(connection, total.is_not(None) & (total != parts)):
        yield Finding(
            "exact money", "error", f"{count} events have components that do not add up to their total"
        )


def _unknown_is_not_zero(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    unpriced = usage_event.c.cost_source_id.in_(sa.select(term.c.term_id).where(term.c.text == "unpriced"))
    missing = usage_event.c.total_cost.is_(None)
    if count := _events(connection, unpriced & (~missing | usage_event.c.unpriced_reason_id.is_(None))):
        yield Finding("unknown is not zero", "error", f"{count} unpriced events have a total, or no reason")
    if count := _events(connection, ~unpriced & missing):
        yield Finding("unknown is not zero", "error", f"{count} priced events have no total")
    is_partly_priced = ~unpriced & usage_event.c.unpriced_reason_id.is_not(None)
    if count := _events(connection, is_partly_priced & usage_event.c.flags_id.is_(None)):
        yield Finding("unknown is not zero", "error", f"{count} partly priced events are not flagged")


def _rollups_are_true(connection: sa.Connection, ledger: Ledger) -> Iterator[Finding]:
    days = sa.union(
        *(sa.select(table.c.day) for table in (rollup_slot, *(table for table, _ in DAY_ROLLUPS)))
    )
    for day in sorted(connection.execute(days).scalars()):
        marked = set(
            connection.execute(sa.select(dirty_slot.c.slot).where(dirty_slot.c.day == day)).scalars()
        )
        truth = _slots_from_events(connection, ledger, day)
        for slot in _differing(truth, _slots_from_rollup(connection, day)) - marked:
            yield Finding(
                "derived rollups",
                "error",
                f"the rollup of slot {slot} ({date_of(day)}) is not what events add up to",
            )
        if not marked:
            yield from _day_is_true(connection, day)
    yield from _nothing_forgotten(connection, ledger)


def _day_is_true(connection: sa.Connection, day: int) -> Iterator[Finding]:
    slots = _totals(connection, rollup_slot, day)
    for table, _ in DAY_ROLLUPS:
        if _totals(connection, table, day) != slots:
            yield Finding(
                "derived rollups", "error", f"{table.name} of {date_of(day)} is not what its slots add up to"
            )


def _nothing_forgotten(connection: sa.Connection, ledger: Ledger) -> Iterator[Finding]:
    """Find slots that have events but neither rollups nor a mark."""
    length = ledger.zone.slot_length
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger) // length * length
    slots = set(connection.execute(sa.select(at).distinct()).scalars())
    slots -= set(
        connection.execute(sa.union(sa.select(rollup_slot.c.slot), sa.select(dirty_slot.c.slot))).scalars()
    )
    if slots:
        yield Finding(
            "derived rollups", "error", f"{len(slots)} slots have events, but neither rollups nor a mark"
        )


Rows = dict[tuple[Any, ...], list[Any]]


def _slots_from_events(connection: sa.Connection, ledger: Ledger, day: int) -> Rows:
    length = ledger.zone.slot_length
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    start, end = ledger.zone.midnight(day), ledger.zone.midnight(day + 1)
    keys = [at // length * length, *(usage_event.c[name] for name in DIMENSIONS)]
    query = sa.select(*keys, *event_sums()).where(at >= start, at < end).group_by(*keys)
    return _sums_by_key(merged(row, len(keys), histogram.pack_text) for row in connection.execute(query))


def _slots_from_rollup(connection: sa.Connection, day: int) -> Rows:
    names = ("slot", *DIMENSIONS, *MEASURES, *LATENCY_HISTOGRAMS)
    query = sa.select(*(rollup_slot.c[name] for name in names)).where(rollup_slot.c.day == day)
    return _sums_by_key(connection.execute(query))


def _sums_by_key(rows: Any) -> Rows:
    """The measures and histograms by slot and dimensions. A large sum split over several rows is added up."""
    keys = 1 + len(DIMENSIONS)
    by_key: Rows = {}
    for row in rows:
        key, values = tuple(row[:keys]), list(row[keys:])
        if previous := by_key.get(key):
            sums = [a + b for a, b in zip(previous[: len(MEASURES)], values, strict=False)]
            values = [
                *sums,
                *(a or b for a, b in zip(previous[len(MEASURES) :], values[len(MEASURES) :], strict=True)),
            ]
        by_key[key] = values
    return by_key


def _differing(truth: Rows, stored: Rows) -> set[int]:
    return {key[0] for key in truth.keys() | stored.keys() if truth.get(key) != stored.get(key)}


def _totals(connection: sa.Connection, table: sa.Table, day: int) -> list[int]:
    row = connection.execute(_sums_of_day(table), {"of_day": day}).one()
    return [join_sum(high, low) for high, low in zip(row[::2], row[1::2], strict=True)]


@cache
def _sums_of_day(table: sa.Table) -> sa.Select[Any]:
    """The question of `_totals`, made once: it has a hundred columns."""
    sums = [part for name in MEASURES for part in split_sum(table.c[name], name)]
    return sa.select(*sums).where(table.c.day == sa.bindparam("of_day"))


def _secrets_stay_out(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    query = sa.select(sa.func.count()).select_from(directory).where(directory.c.ident.like("sk-%"))
    if count := _count(connection, query):
        yield Finding("secrets", "error", f"{count} directory entries hold what looks like a key itself")


def _no_traffic_counts_twice(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    yield from doubled_traffic(connection)


def doubled_traffic(connection: sa.Connection, since: int | None = None) -> Iterator[Finding]:
    """Traffic that seems to have come in from two sources since an instant, or ever.

    Read from rollups: what is not summed yet is not seen.
    """
    yield from _two_views_of_one_traffic(connection, since)
    yield from _one_traffic_from_two_sources(connection, since)


def _one_traffic_from_two_sources(connection: sa.Connection, since: int | None) -> Iterator[Finding]:
    """Two sources with the same calls: as many in the same hour, with the same tokens of the same model.

    The two views of one gateway have a check of their own.
    """
    slots = rollup_slot
    calls, tokens = sa.func.sum(slots.c.requests), sa.func.sum(_zero(slots.c.input_tokens))
    by_source = (
        sa.select(
            slots.c.slot,
            slots.c.source_id,
            term.c.text.label("model"),
            calls.label("calls"),
            tokens.label("input_tokens"),
            sa.func.sum(_zero(slots.c.output_tokens)).label("output_tokens"),
        )
        .join(term, term.c.term_id == slots.c.model_id)
        .where(sa.true() if since is None else slots.c.slot >= since)
        .group_by(slots.c.slot, slots.c.source_id, term.c.text)
        .having(tokens > 0)
    )
    one, other = by_source.subquery(), by_source.subquery()
    first, second = term.alias(), term.alias()
    equal = [
        one.c[name] == other.c[name] for name in ("slot", "model", "calls", "input_tokens", "output_tokens")
    ]
    pairs = (
        sa.select(first.c.text, second.c.text, sa.func.count(), sa.func.sum(one.c.calls))
        .select_from(one)
        .join(other, sa.and_(one.c.source_id < other.c.source_id, *equal))
        .join(first, first.c.term_id == one.c.source_id)
        .join(second, second.c.term_id == other.c.source_id)
        .where(sa.not_(first.c.text.in_(_TWO_VIEWS) & second.c.text.in_(_TWO_VIEWS)))
        .group_by(first.c.text, second.c.text)
    )
    for source, second_source, hours, count in connection.execute(pairs):
        yield Finding(
            "once",
            "warning",
            f"the sources {source} and {second_source} have the same calls, with the same tokens of the same "
            f"model, in {hours} hours ({count} calls): if this is one traffic it is counted twice; send it "
            "from one of the two",
        )


def _no_call_sent_again_without_a_key(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    """Equal calls that are known by their arrival alone, within a minute: perhaps a sender that retries."""
    one, other = usage_event.alias(), usage_event.alias()
    at, again = (sa.type_coerce(table.c.received_at, sa.BigInteger) for table in (one, other))
    repeated = (
        sa.select(sa.func.count(sa.distinct(other.c.seq)))
        .select_from(one)
        .join(other, sa.and_(one.c.content_hash == other.c.content_hash, one.c.seq < other.c.seq))
        .where(one.c.source_event_id.startswith(ARRIVAL), other.c.source_event_id.startswith(ARRIVAL))
        .where(again - at <= RETRIED_WITHIN, one.c.received_at != other.c.received_at)
    )
    if count := _count(connection, repeated):
        yield Finding(
            "once",
            "warning",
            f"{count} posted calls without an id equal a call of the minute before: if a sender repeats its "
            "requests they count twice; send an Idempotency-Key, or an envelope with event_id",
        )


def _two_views_of_one_traffic(connection: sa.Connection, since: int | None) -> Iterator[Finding]:
    """A live response and the gateway's log row of the same call have different ids and would count twice."""
    doubled = (
        sa.select(rollup_day.c.day, attribution.c.virtual_key_id, rollup_day.c.model_id)
        .join(attribution, attribution.c.attribution_id == rollup_day.c.attribution_id)
        .join(term, term.c.term_id == rollup_day.c.source_id)
        .where(term.c.text.in_(_TWO_VIEWS), sa.true() if since is None else rollup_day.c.day >= since // _DAY)
        .group_by(rollup_day.c.day, attribution.c.virtual_key_id, rollup_day.c.model_id)
        .having(sa.func.count(sa.distinct(rollup_day.c.source_id)) > 1)
        .subquery()
    )
    if count := _count(connection, sa.select(sa.func.count()).select_from(doubled)):
        yield Finding(
            "once",
            "warning",
            f"on {count} combinations of day, key and model there are both live responses (bifrost) and log "
            "rows (bifrost-log): if they are the same traffic it is counted twice; keep one of the two "
            "sources",
        )


def _tools_are_charged_once(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    """A gateway may charge a tool twice: in the model call that requested it and in the call of the tool."""
    tool, model = usage_event.alias(), usage_event.alias()
    of_tool = tool.c.request_type_id.in_(sa.select(term.c.term_id).where(term.c.text == "mcp_tool"))
    charged_twice = (
        sa.select(sa.func.count())
        .select_from(tool)
        .join(
            model, sa.and_(model.c.source_event_id == tool.c.parent_id, model.c.source_id == tool.c.source_id)
        )
        .where(of_tool, _zero(tool.c.tool_cost) > 0, _zero(model.c.tool_cost) > 0)
    )
    if count := _count(connection, charged_twice):
        yield Finding(
            "once",
            "warning",
            f"{count} calls of tools (mcp_tool) have a cost, and so have the calls of models that wanted "
            "them in tool_cost: if the gateway charges the same tool in both, it is counted twice",
        )


def _flags_are_seen(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    """Flagged calls count in full, and somebody has to look at them."""
    by_flags = (
        sa.select(term.c.text, sa.func.count())
        .join(usage_event, usage_event.c.flags_id == term.c.term_id)
        .group_by(term.c.text)
        .order_by(term.c.text)
    )
    for codes, count in connection.execute(by_flags):
        meanings = " ".join(FLAGS[code] for code in split(codes))
        yield Finding("certain wholes", "warning", f"{count} calls are flagged {codes}: {meanings}")


def _finance_checks_pass(connection: sa.Connection, _: Ledger) -> Iterator[Finding]:
    for detail in broken_chains(connection):
        yield Finding("closed is closed", "error", detail)
    for detail in stale_owners(connection):
        yield Finding("attribution is dated", "error", detail)


CHECKS: Final[tuple[Check, ...]] = (
    _counted_once,
    _calls_of_spans_count_once,
    _parts_fit,
    _components_add_up,
    _unknown_is_not_zero,
    _rollups_are_true,
    _secrets_stay_out,
    _no_traffic_counts_twice,
    _no_call_sent_again_without_a_key,
    _tools_are_charged_once,
    _flags_are_seen,
    _finance_checks_pass,
)


def _zero(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.type_coerce(column, sa.BigInteger), 0)


def _events(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    return _count(connection, sa.select(sa.func.count()).select_from(usage_event).where(condition))


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
