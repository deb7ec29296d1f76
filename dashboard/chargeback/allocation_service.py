"""Setting allocation rules: checked, written and audited in one transaction."""

from dataclasses import dataclass
from typing import Final, get_args

from dashboard.chargeback.allocation import METHODS, POOLS, Fallback, Method, Rule
from dashboard.chargeback.allocation_store import add_rules
from ingest.ledger import audit, directory
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import END_DAY, FIRST_DAY, Target
from ingest.parse.dates import read_day

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


def set_allocation(ledger: Ledger, options: SetAllocationOptions, *, by: str, at: int) -> Rule:
    """Record the rule by which a pool is shared.

    Raises:
        AllocationRefused: an option is not valid.
    """
    with ledger.writing() as connection:
        rule = _read(connection, ledger, options, by, at)
        add_rules(connection, [rule])
        detail = {
            "method": rule.method,
            "teams": list(options.teams),
            "from": options.start,
            "to": options.end,
        }
        entry = audit.Entry(at=at, by=by, action="allocate set", subject=rule.pool, detail=detail)
        audit.note(connection, entry)
    return rule


def _read(connection: Connection, ledger: Ledger, options: SetAllocationOptions, by: str, at: int) -> Rule:
    pool, method, fallback = _pool(options.pool), _method(options.method), _fallback(options.fallback)
    targets = tuple(_target(connection, ledger, text, method) for text in options.teams)
    if method == "fixed" and not targets:
        message = "fixed parts need teams, such as --team search=60 --team ads=40"
        raise AllocationRefused("missing_teams", message, field="team")
    if len({target.entry_id for target in targets}) < len(targets):
        raise AllocationRefused("team_twice", "a team is named twice", field="team")
    first, end = _day("from", options.start, FIRST_DAY), _day("to", options.end, END_DAY)
    if first >= end:
        raise AllocationRefused("empty_period", "the rule must end after it starts", field="to")
    return Rule(
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


def _pool(text: str) -> str:
    pool = text.strip()
    if pool in POOLS or (pool.startswith("fee:") and pool != "fee:"):
        return pool
    message = f"there is no {pool!r}; there are {', '.join(POOLS)} and fee:NAME"
    raise AllocationRefused("unknown_pool", message, field="pool")


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


def _target(connection: Connection, ledger: Ledger, text: str, method: Method) -> Target:
    """The team that a text names, with its parts if the method is `fixed`."""
    if method != "fixed":
        return Target(_team(connection, ledger, text), 1)
    name, equals, parts = text.rpartition("=")
    if not equals:
        message = f"{text!r} names no parts; write it as {text}=60"
        raise AllocationRefused("missing_parts", message, field="team")
    if not (parts.isascii() and parts.isdigit() and 0 < int(parts) <= _MOST_PARTS):
        message = f"{parts!r} is no number of parts; write a whole number, such as {name}=60"
        raise AllocationRefused("invalid_parts", message, field="team")
    return Target(_team(connection, ledger, name), int(parts))


def _team(connection: Connection, ledger: Ledger, text: str) -> int:
    return directory.find_team(connection, text, ledger.keyring, AllocationRefused)


def _day(field: str, text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    day = read_day(text)
    if day is None:
        raise AllocationRefused("invalid_date", f"{text!r} is no date; write one as 2026-11-20", field=field)
    return day
