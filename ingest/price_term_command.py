"""`tallybook prices discount`, `markup`, `region`: what changes published prices for some calls, from a day on."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from rich.console import Console

from ingest.accept import now
from ingest.alias_command import person
from ingest.dates import NotATime, read_moment
from ingest.ledger import prices
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables import directory
from ingest.ledger.types import micros
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY
from ingest.pricing.terms import Term, TermKind
from ingest.settings import Settings

WELL: Final = 0
USAGE: Final = 2

_PERCENT: Final = re.compile(r"(\d{1,3}(\.\d{1,9})?)\s*%")
_ALL: Final = ("*", "all")


class TermRefused(ValueError):
    """What was asked for is no term; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for."""

    kind: TermKind
    what: str
    """PROVIDER, PROVIDER/MODEL, or all."""
    percent: str
    start: str | None
    end: str | None
    region: str | None = None
    team: str | None = None
    customer: str | None = None
    note: str = ""


def run(asked: Asked) -> int:
    """Add the term; the exit code."""
    out, err = Console(), Console(stderr=True)
    with open_ledger(Settings()) as ledger:
        try:
            term, strangers = _term(asked, ledger)
        except (TermRefused, NotATime) as error:
            err.print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
            return USAGE
        with ledger.writing() as connection:
            prices.add_terms(connection, [term])
    for name in strangers:
        note = f"note: no call has named {name} yet; it is kept as it is written"
        err.print(note, highlight=False, markup=False, soft_wrap=True)
    said = f"{asked.kind} of {asked.percent} on {asked.what}"
    said = f"{said} ends there" if term.factor == 1 else f"{said}: prices times {term.factor:f}"
    out.print(
        f"{said}; `tallybook reprice` for calls that are there", highlight=False, markup=False, soft_wrap=True
    )
    return WELL


def factor(kind: TermKind, percent: str) -> Decimal:
    """The factor that so many percent off (for a discount) or on top mean.

    Raises:
        TermRefused: it is no percentage, or one that makes no sense.
    """
    found = _PERCENT.fullmatch(percent.strip())
    if found is None:
        raise TermRefused(f"{percent!r} is no percentage; write one such as 12% or 7.5%")
    part = Decimal(found[1]) / 100
    if kind == "discount" and part >= 1:
        raise TermRefused(f"a discount of {percent} leaves nothing to pay; write less than 100%")
    return 1 - part if kind == "discount" else 1 + part


def _term(asked: Asked, ledger: Ledger) -> tuple[Term, list[str]]:
    """The term, and the names in it that the directory does not know."""
    start, end = (
        None if text is None else micros(read_moment(name, text, ledger.zone))
        for name, text in (("--from", asked.start), ("--to", asked.end))
    )
    if start is not None and end is not None and start >= end:
        raise TermRefused(f"--to {asked.end}: it must end after it starts ({asked.start})")
    provider, _, model = asked.what.strip().lower().partition("/")
    if not provider:
        raise TermRefused(f"{asked.what!r} names no provider; write PROVIDER, PROVIDER/MODEL or all")
    team, customer = (
        _ident(ledger, kind, name) for kind, name in (("team", asked.team), ("customer", asked.customer))
    )
    term = Term(
        kind=asked.kind,
        factor=factor(asked.kind, asked.percent),
        provider=ANY if provider in _ALL else provider_of(provider),
        model=model or ANY,
        region=asked.region,
        team=team or asked.team,
        customer=customer or asked.customer,
        valid_from=start,
        valid_to=end,
        origin=asked.note,
        added_at=now(),
        added_by=person(),
    )
    named = ((asked.team, team), (asked.customer, customer))
    return term, [name for name, ident in named if name is not None and ident is None]


def _ident(ledger: Ledger, kind: str, name: str | None) -> str | None:
    """The ident of the team or customer that is known by a name or an ident."""
    if name is None:
        return None
    c = directory.c
    called = sa.or_(c.ident == name, c.given_name == name, c.name == name)
    wanted = sa.select(c.ident).where(c.kind == kind, called).order_by((c.ident == name).desc(), c.entry_id)
    with ledger.reading() as connection:
        found = connection.execute(wanted).scalars().all()
    if len(found) > 1 and name not in found:
        raise TermRefused(f"several {kind}s are called {name}: use one of the ids {', '.join(found)}")
    return found[0] if found else None
