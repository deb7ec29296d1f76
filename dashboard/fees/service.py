"""Adding, changing and ending fees: checked, written and audited in one transaction.

Nothing is overwritten. A later start ends the earlier amount there, and the past stays as it was; the same
start again corrects the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from dashboard.fees.model import KINDS, Fee, FeeKind, Recurrence
from dashboard.fees.store import add_fees, read_fees
from ingest.ledger import audit, directory, periods
from ingest.ledger.engine import Connection, Ledger
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.model.ownership import END_DAY
from ingest.model.zone import Zone, micros
from ingest.parse import numbers
from ingest.parse.currency import known_currency
from ingest.parse.dates import read_moment, written
from ingest.parse.numbers import NotANumber

_LONGEST_NAME: Final = 120
_RECURRENCES: Final[tuple[Recurrence, ...]] = get_args(Recurrence)


class FeeRefused(Invalid):
    """The fee cannot be recorded; the message says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFeeOptions:
    """The options of `fees add`, as text."""

    name: str
    amount: str
    start: str | None
    end: str | None = None
    every: str = "month"
    kind: str = "platform"
    provider: str | None = None
    model: str | None = None
    team: str | None = None
    currency: str | None = None
    list_amount: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddedFee:
    """A recorded fee, and what it changes."""

    fee: Fee
    """The fee as it counts; it ends where a later version of the name starts."""
    corrected: Fee | None
    """The version of the same start that no longer counts."""
    ended: Fee | None
    """The earlier version that ends where the fee starts, as it was before."""
    closed: tuple[str, ...]
    """Closed months that it affects: their change is booked in the next open month."""

    @property
    def is_change(self) -> bool:
        """Whether it corrects or ends another version of its name."""
        return self.corrected is not None or self.ended is not None


def add_fee(ledger: Ledger, options: AddFeeOptions, *, by: str, at: int) -> AddedFee:
    """Add a fee, or the version of a fee of that name from its start on.

    Raises:
        FeeRefused: an option is not valid.
        NotATime: a date is not understood.
    """
    with ledger.writing() as connection:
        fee = replace(_read(connection, ledger, options), recorded_at=at, recorded_by=by)
        before = _versions(connection, fee.name)
        _record(connection, [fee], fee, "fees change" if before else "fees add", ledger.zone)
        counts = next(v for v in _versions(connection, fee.name) if v.start == fee.start)
        corrected = next((version for version in before if version.start == fee.start), None)
        ended = next((version for version in before if _is_ended_by(version, fee)), None)
        closed = _closed_months(connection, ledger.zone, counts, corrected, ended)
    return AddedFee(counts, corrected, ended, closed)


def end_fee(ledger: Ledger, name: str, end: str, *, by: str, at: int) -> Fee:
    """End a fee at a date or time; the ended version. Versions that start later are withdrawn.

    Raises:
        FeeRefused: there is no such fee, or it starts after that.
        NotATime: the date is not understood.
    """
    stop = micros(read_moment("at", end, ledger.zone))
    with ledger.writing() as connection:
        versions = _versions(connection, name)
        if not versions:
            known = ", ".join(dict.fromkeys(fee.name for fee in read_fees(connection))) or "none yet"
            raise FeeRefused("unknown_fee", f"there is no fee {name!r}; there are {known}")
        if stop < versions[0].start:
            since = written(versions[0].start, ledger.zone)
            raise FeeRefused("empty_period", f"{name} starts at {since}: it cannot end before that")
        running = [version for version in versions if version.end is None or version.end > stop]
        changed = [
            replace(version, end=max(stop, version.start), recorded_at=at, recorded_by=by, number=0)
            for version in running or versions[-1:]
        ]
        _record(connection, changed, changed[0], "fees end", ledger.zone)
    return changed[0]


def _versions(connection: Connection, name: str) -> list[Fee]:
    """The versions of a fee that count, by start."""
    return [fee for fee in read_fees(connection) if fee.name == name]


def _is_ended_by(version: Fee, fee: Fee) -> bool:
    is_running = version.end is None or version.end > fee.start
    return version.every == "month" and version.start < fee.start and is_running


def _closed_months(connection: Connection, zone: Zone, *changed: Fee | None) -> tuple[str, ...]:
    """The closed months from the start of the first fee to the end of the last one."""
    known = [fee for fee in changed if fee is not None]
    ends = [END_DAY if fee.end is None else zone.day(fee.end - 1) + 1 for fee in known]
    return periods.closed_within(connection, zone.day(known[0].start), max(ends))


def _record(connection: Connection, fees: Sequence[Fee], fee: Fee, action: str, zone: Zone) -> None:
    """Add the rows, and an audit entry about one of them."""
    add_fees(connection, [replace(row, replaces="start") for row in fees])
    detail = {
        "amount": money.plain(fee.amount),
        "currency": fee.currency,
        "every": fee.every,
        "kind": fee.kind,
        "start": written(fee.start, zone),
    }
    if fee.end is not None:
        detail["end"] = written(fee.end, zone)
    entry = audit.Entry(
        at=fee.recorded_at, by=fee.recorded_by, action=action, subject=fee.name, detail=detail
    )
    audit.note(connection, entry)


def _read(connection: Connection, ledger: Ledger, options: AddFeeOptions) -> Fee:
    name, kind, every = _name(options.name), _kind(options.kind), _every(options.every)
    if options.start is None:
        message = "say from when it is charged, such as --from 2026-10-01"
        raise FeeRefused("missing_start", message, field="from")
    amount = _amount("amount", options.amount)
    if (amount < 0) != (kind == "credit"):
        message = "only a credit is below zero, and a credit is: use --kind credit for it"
        raise FeeRefused("wrong_sign", message, field="amount")
    start, end = _times(options.start, options.end, ledger.zone)
    team = options.team
    return Fee(
        name=name,
        kind=kind,
        amount=amount,
        list_amount=None if options.list_amount is None else _amount("list", options.list_amount),
        currency=_currency(options.currency) if options.currency else ledger.currency,
        start=start,
        end=end,
        every=every,
        provider=options.provider,
        model=options.model,
        team_id=directory.find_team(connection, team, ledger.keyring, FeeRefused) if team else None,
        reason=options.reason,
    )


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"a fee has a name of 1 to {_LONGEST_NAME} characters that can be seen"
        raise FeeRefused("invalid_name", message, field="name")
    return name


def _kind(text: str) -> FeeKind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise FeeRefused("unknown_kind", f"there is no {text!r}; there are {', '.join(KINDS)}", field="kind")


def _every(text: str) -> Recurrence:
    for every in _RECURRENCES:
        if every == text:
            return every
    raise FeeRefused("unknown_every", f"{text!r} is neither once nor month", field="every")


def _times(start: str, end: str | None, zone: Zone) -> tuple[int, int | None]:
    first = micros(read_moment("from", start, zone))
    stop = micros(read_moment("to", end, zone)) if end else None
    if stop is not None and stop <= first:
        raise FeeRefused("empty_period", f"{end} is not after {start}", field="to")
    return first, stop


def _amount(field: str, text: str) -> int:
    try:
        return numbers.amount(text)
    except NotANumber as error:
        message = f"{text!r} is no amount of money; write one such as 1200 or 99.50"
        raise FeeRefused("invalid_amount", message, field=field) from error


def _currency(text: str) -> str:
    code = known_currency(text)
    if code is None:
        message = f"{text!r} is no currency; write its code, such as EUR"
        raise FeeRefused("invalid_currency", message, field="currency")
    return code
