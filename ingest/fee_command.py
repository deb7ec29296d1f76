"""`tallybook fees`: what is paid whether or not anybody calls."""

import sys
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from rich.console import Console

from ingest import money, numerals
from ingest.clock import now
from ingest.dates import NotATime, read_moment, written
from ingest.fees import KINDS, Fee
from ingest.ledger import audit
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.fees import add_fees, read_fees
from ingest.ledger.tables import directory
from ingest.model.zone import Zone, micros
from ingest.numerals import NotANumber
from ingest.settings import Settings
from ingest.terminal import current_user, explained

WELL: Final = 0
USAGE: Final = 2
_LONGEST: Final = 120


class FeeRefused(ValueError):
    """What was asked for is no fee; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `fees add` was asked for."""

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


def add(asked: Asked) -> int:
    """Add a fee, or change the one of that name; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            fee = read(ledger, asked)
            with ledger.writing() as connection:
                before = next((one for one in read_fees(connection) if one.name == fee.name), None)
                add_fees(connection, [fee])
                audit.note(connection, _entry("fees add" if before is None else "fees change", fee))
            for line in _lines(ledger, fee, changed=before is not None):
                Console().print(line, highlight=False, markup=False, soft_wrap=True)
    except (FeeRefused, NotATime) as error:
        return _refuse(error)
    return WELL


def end(name: str, at: str) -> int:
    """End a fee at a date or time; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            stop = micros(read_moment("at", at, ledger.zone))
            with ledger.writing() as connection:
                fee = _known(read_fees(connection), name)
                ended = _ended(fee, stop, ledger.zone)
                add_fees(connection, [ended])
                audit.note(connection, _entry("fees end", ended))
        Console().print(f"{name} ends at {at}", highlight=False, markup=False)
    except (FeeRefused, NotATime) as error:
        return _refuse(error)
    return WELL


def _ended(fee: Fee, stop: int, zone: Zone) -> Fee:
    if stop < fee.start:
        raise FeeRefused(f"{fee.name} starts at {written(fee.start, zone)}: it cannot end before that")
    return replace(fee, end=stop, recorded_at=now(), recorded_by=current_user(), number=0)


def read(ledger: Ledger, asked: Asked) -> Fee:
    """The fee that was asked for.

    Raises:
        FeeRefused: it is none.
        NotATime: a date is not understood.
    """
    name = asked.name.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise FeeRefused(f"NAME: a fee has a name of 1 to {_LONGEST} characters that can be seen")
    kind = next((one for one in KINDS if one == asked.kind), None)
    if kind is None:
        raise FeeRefused(f"--kind: there is no {asked.kind!r}; there are {', '.join(KINDS)}")
    if asked.every not in ("once", "month"):
        raise FeeRefused(f"--every: {asked.every!r} is neither once nor month")
    if asked.start is None:
        raise FeeRefused("--from: say from when it is charged, such as --from 2026-10-01")
    amount = _amount("AMOUNT", asked.amount)
    if (amount < 0) != (kind == "credit"):
        raise FeeRefused("AMOUNT: only a credit is below zero, and a credit is: use --kind credit for it")
    start = micros(read_moment("from", asked.start, ledger.zone))
    stop = micros(read_moment("to", asked.end, ledger.zone)) if asked.end else None
    if stop is not None and stop <= start:
        raise FeeRefused(f"--to: {asked.end} is not after {asked.start}")
    return Fee(
        name=name,
        kind=kind,
        amount=amount,
        list_amount=None if asked.list_amount is None else _amount("--list", asked.list_amount),
        currency=_currency(asked.currency) if asked.currency else ledger.currency,
        start=start,
        end=stop,
        every="once" if asked.every == "once" else "month",
        provider=asked.provider,
        model=asked.model,
        team_id=team_of(ledger, asked.team) if asked.team else None,
        reason=asked.reason,
        recorded_at=now(),
        recorded_by=current_user(),
    )


def _amount(name: str, text: str) -> int:
    try:
        return numerals.amount(text)
    except NotANumber as error:
        raise FeeRefused(
            f"{name}: {text!r} is no amount of money; write one such as 1200 or 99.50"
        ) from error


def _currency(text: str) -> str:
    code = text.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004
        raise FeeRefused(f"--currency: {text!r} is no currency; write its code, such as EUR")
    return code


def team_of(ledger: Ledger, name: str) -> int:
    """The entry of a team by its id or a name of it.

    Raises:
        FeeRefused: the directory knows none, or several.
    """
    c = directory.c
    called = sa.or_(c.ident == name, c.given_name == name, c.name == name)
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(c.entry_id, c.ident).where(c.kind == "team", called)).all()
    exact = [row for row in rows if row.ident == name] or rows
    if not exact:
        raise FeeRefused(f"--team: the directory knows no team {name!r}; add it with `tallybook team add`")
    if len(exact) > 1:
        raise FeeRefused(
            f"--team: {name!r} is the name of {', '.join(row.ident for row in exact)}; write the id"
        )
    return int(exact[0].entry_id)


def _known(fees: list[Fee], name: str) -> Fee:
    for fee in fees:
        if fee.name == name:
            return fee
    known = ", ".join(fee.name for fee in fees) or "none yet"
    raise FeeRefused(f"there is no fee {name!r}; there are {known}")


def _entry(action: str, fee: Fee) -> audit.Entry:
    detail = {
        "amount": money.plain(fee.amount),
        "currency": fee.currency,
        "every": fee.every,
        "kind": fee.kind,
    }
    if fee.end is not None:
        detail["end"] = str(fee.end)
    return audit.Entry(at=fee.recorded_at, by=fee.recorded_by, action=action, subject=fee.name, detail=detail)


def _lines(ledger: Ledger, fee: Fee, *, changed: bool) -> list[str]:
    how = "a month" if fee.every == "month" else "once"
    until = f" until {written(fee.end, ledger.zone)}" if fee.end is not None else ""
    whose = "borne by its team" if fee.team_id is not None else "shared by the rules of `tallybook allocate`"
    verb = "changed" if changed else "added"
    since = written(fee.start, ledger.zone)
    return [f"{fee.name} {verb}: {money.plain(fee.amount)} {fee.currency} {how} from {since}{until}, {whose}"]


def _refuse(error: Exception) -> int:
    sys.stdout.flush()
    Console(stderr=True).print(
        f"tallybook fees: {explained(error)}", highlight=False, markup=False, soft_wrap=True
    )
    return USAGE
