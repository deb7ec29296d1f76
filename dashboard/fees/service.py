"""Adding, changing and ending fees: checked, written and audited in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, get_args

from dashboard.fees.model import KINDS, Fee, FeeKind, Recurrence
from dashboard.fees.store import add_fees, read_fees
from ingest.ledger import audit, directory
from ingest.ledger.engine import Connection, Ledger
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.model.zone import Zone, micros
from ingest.parse import numbers
from ingest.parse.currency import read_currency
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
    """A recorded fee, and whether it replaces an earlier fee of the same name."""

    fee: Fee
    is_change: bool


def add_fee(ledger: Ledger, options: AddFeeOptions, *, by: str, at: int) -> AddedFee:
    """Add a fee, or change the fee of that name.

    Raises:
        FeeRefused: an option is not valid.
        NotATime: a date is not understood.
    """
    with ledger.writing() as connection:
        fee = replace(_read(connection, ledger, options), recorded_at=at, recorded_by=by)
        is_change = any(known.name == fee.name for known in read_fees(connection))
        _record(connection, fee, "fees change" if is_change else "fees add")
    return AddedFee(fee, is_change)


def end_fee(ledger: Ledger, name: str, end: str, *, by: str, at: int) -> Fee:
    """End a fee at a date or time; the changed fee.

    Raises:
        FeeRefused: there is no such fee, or it starts after that.
        NotATime: the date is not understood.
    """
    stop = micros(read_moment("at", end, ledger.zone))
    with ledger.writing() as connection:
        fee = _fee_named(read_fees(connection), name)
        if stop < fee.start:
            since = written(fee.start, ledger.zone)
            raise FeeRefused("empty_period", f"{name} starts at {since}: it cannot end before that")
        ended = replace(fee, end=stop, recorded_at=at, recorded_by=by, number=0)
        _record(connection, ended, "fees end")
    return ended


def _record(connection: Connection, fee: Fee, action: str) -> None:
    add_fees(connection, [fee])
    detail = {
        "amount": money.plain(fee.amount),
        "currency": fee.currency,
        "every": fee.every,
        "kind": fee.kind,
    }
    if fee.end is not None:
        detail["end"] = str(fee.end)
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
    code = read_currency(text)
    if code is None:
        message = f"{text!r} is no currency; write its code, such as EUR"
        raise FeeRefused("invalid_currency", message, field="currency")
    return code


def _fee_named(fees: Iterable[Fee], name: str) -> Fee:
    named = {fee.name: fee for fee in fees}
    if name not in named:
        raise FeeRefused(
            "unknown_fee", f"there is no fee {name!r}; there are {', '.join(named) or 'none yet'}"
        )
    return named[name]
