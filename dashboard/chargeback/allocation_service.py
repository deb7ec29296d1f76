"""Setting allocation rules: checked, written and audited in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from dashboard.chargeback.allocation import METHODS, POOLS, Fallback, Method, Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.fees.store import read_fees
from ingest.ledger import audit, directory
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import END_DAY, FIRST_DAY, Target
from ingest.parse.dates import read_day
from ingest.parse.shares import NotAShare, read_shares, weights_note

_MOST_PARTS: Final = 10**9
_FALLBACKS: Final[tuple[Fallback, ...]] = get_args(Fallback)


class AllocationRefused(Invalid):
    """The allocation rule cannot be set; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class SetAllocationOptions:
    """The options of `allocate set`, as text."""

    pool: str
    method: str
    teams: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    fallback: str = "even"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordedRule:
    """A rule that was recorded, and what is worth knowing about it."""

    rule: Rule
    note: str = ""


def set_allocation(ledger: Ledger, options: SetAllocationOptions, *, by: str, at: int) -> RecordedRule:
    """Record the rule by which a pool is shared.

    Raises:
        AllocationRefused: an option is not valid.
    """
    with ledger.writing() as connection:
        rule, note = _read(connection, ledger, options, by, at)
        add_rules(connection, [rule])
        detail = {
            "method": rule.method,
            "teams": list(options.teams),
            "from": options.start,
            "to": options.end,
        }
        entry = audit.Entry(at=at, by=by, action="allocate set", subject=rule.pool, detail=detail)
        audit.note(connection, entry)
    return RecordedRule(rule, note)


def _read(
    connection: Connection, ledger: Ledger, options: SetAllocationOptions, by: str, at: int
) -> tuple[Rule, str]:
    """The rule, and a note on what its shares come to."""
    method, fallback = _method(options.method), _fallback(options.fallback)
    pool = _pool(connection, options.pool)
    targets, note = _targets(connection, ledger, options.teams, method)
    first, end = _day("from", options.start, FIRST_DAY), _day("to", options.end, END_DAY)
    if first >= end:
        raise AllocationRefused("empty_period", "the rule must end after it starts", field="to")
    rule = Rule(
        pool=pool,
        method=method,
        targets=targets,
        fallback=fallback,
        first_day=first,
        end_day=end,
        reason=options.reason,
        recorded_at=at,
        recorded_by=by,
    )
    return rule, note


def _pool(connection: Connection, text: str) -> str:
    pool = text.strip()
    if pool in POOLS:
        return pool
    kind, _, name = pool.partition(":")
    if kind != "fee" or not name:
        message = f"there is no {pool!r}; there are {', '.join(POOLS)} and fee:NAME"
        raise AllocationRefused("unknown_pool", message, field="pool")
    shared = dict.fromkeys(fee.name for fee in read_fees(connection) if fee.team_id is None)
    if name not in shared:
        known = ", ".join(shared) or "none yet; `tallybook fees add` adds one"
        raise AllocationRefused("unknown_fee", f"no fee {name!r} is shared; shared are {known}", field="pool")
    return pool


def _method(text: str) -> Method:
    for method in METHODS:
        if method == text:
            return method
    message = f"there is no {text!r}; there are {', '.join(METHODS)}"
    raise AllocationRefused("unknown_method", message, field="by")


def _fallback(text: str) -> Fallback:
    for fallback in _FALLBACKS:
        if fallback == text:
            return fallback
    raise AllocationRefused("unknown_fallback", f"{text!r} is neither even nor keep", field="fallback")


def _targets(
    connection: Connection, ledger: Ledger, texts: Sequence[str], method: Method
) -> tuple[tuple[Target, ...], str]:
    """The teams that texts name, with their parts if the method is `fixed`, and a note on the parts."""
    if method != "fixed":
        return _without_repeats([Target(_team(connection, ledger, text), 1) for text in texts]), ""
    if not texts:
        message = "fixed parts need teams, such as --team search=60 --team ads=40"
        raise AllocationRefused("missing_teams", message, field="team")
    for text in texts:
        if "=" not in text:
            message = f"{text!r} names no parts; write it as {text}=60"
            raise AllocationRefused("missing_parts", message, field="team")
    names, typed = zip(*(text.rpartition("=")[::2] for text in texts), strict=True)
    try:
        parts = read_shares(typed, _MOST_PARTS)
    except NotAShare as error:
        raise AllocationRefused("invalid_parts", str(error), field="team") from error
    targets = [
        Target(_team(connection, ledger, name), number) for name, number in zip(names, parts, strict=True)
    ]
    return _without_repeats(targets), weights_note(names, parts, typed)


def _without_repeats(targets: Sequence[Target]) -> tuple[Target, ...]:
    if len({target.entry_id for target in targets}) < len(targets):
        raise AllocationRefused("team_twice", "a team is named twice", field="team")
    return tuple(targets)


def _team(connection: Connection, ledger: Ledger, text: str) -> int:
    return directory.find_team(connection, text, ledger.keyring, AllocationRefused)


def _day(field: str, text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    day = read_day(text)
    if day is None:
        raise AllocationRefused("invalid_date", f"{text!r} is no date; write one as 2026-11-20", field=field)
    return day
