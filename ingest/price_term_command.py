"""`tallybook prices discount`, `markup`, `region`: what changes published prices for some calls, from a day on."""

import json
import re
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from rich.console import Console

from ingest.clock import now
from ingest.dates import NotATime, read_edges, written
from ingest.ledger import prices
from ingest.ledger.directory import Kind
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables import directory
from ingest.price_descriptions import calls_of_term, term_object
from ingest.pricing.book import Book
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY
from ingest.pricing.terms import Term, TermKind, percent_of
from ingest.settings import Settings
from ingest.terminal import current_user, explained

WELL: Final = 0
USAGE: Final = 2

_PERCENT: Final = re.compile(r"(?P<sign>[-+\N{MINUS SIGN}]?)(?P<number>\d{1,6}(\.\d{1,9})?)\s*%", re.ASCII)
_ALL: Final = ("*", "all")
_NAMED: Final = "note: it is about calls that the gateway names as theirs; what `tallybook owner set` assigns is not looked at"


class TermRefused(ValueError):
    """What was asked for is no term; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for."""

    kind: TermKind
    what: str
    """PROVIDER, PROVIDER/MODEL, or all."""
    percent: str
    start: str | None = None
    end: str | None = None
    region: str | None = None
    team: str | None = None
    customer: str | None = None
    note: str = ""
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """A term as it was added, the one of the same calls that stood in its place, and names that no call has had yet."""

    term: Term
    before: Term | None
    strangers: tuple[str, ...]


def run(asked: Asked) -> int:
    """Add the term; the exit code."""
    err = Console(stderr=True)
    with open_ledger(Settings()) as ledger:
        try:
            added = add(ledger, asked, now(), current_user())
        except (TermRefused, NotATime) as error:
            err.print(f"tallybook: {explained(error)}", highlight=False, markup=False, soft_wrap=True)
            return USAGE
        for name in added.strangers:
            note = f"note: the directory does not know {name}; it is kept as it is written"
            err.print(note, highlight=False, markup=False, soft_wrap=True)
        if asked.team or asked.customer:
            err.print(_NAMED, highlight=False, markup=False, soft_wrap=True)
        if asked.as_json:
            sys.stdout.write(json.dumps(_object(added), indent=2) + "\n")
        else:
            for line in _lines(ledger, added):
                Console().print(line, highlight=False, markup=False, soft_wrap=True)
    return WELL


def add(ledger: Ledger, asked: Asked, at: int, who: str) -> Added:
    """Add the term at the instant `at`.

    Raises:
        TermRefused: it is no term.
        NotATime: a date is none.
    """
    term, strangers = _term(asked, ledger, at, who)
    before = _standing(prices.read_book(ledger), term, at)
    with ledger.writing() as connection:
        prices.add_terms(connection, [term])
    return Added(term, before, strangers)


def factor(kind: TermKind, percent: str) -> Decimal:
    """The factor that so many percent off (for a discount) or on top mean.

    Raises:
        TermRefused: it is no percentage, or one that makes no sense.
    """
    found = _PERCENT.fullmatch(percent.strip())
    if found is None:
        raise TermRefused(f"{percent!r} is no percentage; write one such as 12% or 7.5%")
    part = Decimal(found["number"]).scaleb(-2)
    if found["sign"] not in ("", "+") and part:
        other = "markup" if kind == "discount" else "discount"
        raise TermRefused(f"{percent} is negative; for the other way there is `prices {other}`")
    if kind == "discount" and part >= 1:
        raise TermRefused(f"a discount of {percent} leaves nothing to pay; write less than 100%")
    return 1 - part if kind == "discount" else 1 + part


def _term(asked: Asked, ledger: Ledger, at: int, who: str) -> tuple[Term, tuple[str, ...]]:
    """The term, and the names in it that the directory does not know."""
    start, end = read_edges(asked.start, asked.end, ledger.zone)
    if start is not None and end is not None and start >= end:
        raise TermRefused(f"--to {asked.end}: it must end after it starts ({asked.start})")
    provider, _, model = asked.what.strip().lower().partition("/")
    if not provider:
        raise TermRefused(f"{asked.what!r} names no provider; write PROVIDER, PROVIDER/MODEL or all")
    team, customer = _ident(ledger, "team", asked.team), _ident(ledger, "customer", asked.customer)
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
        added_at=at,
        added_by=who,
    )
    named = (("the team", asked.team, team), ("the customer", asked.customer, customer))
    return term, tuple(f"{kind} {name}" for kind, name, ident in named if name and ident is None)


def _ident(ledger: Ledger, kind: Kind, name: str | None) -> str | None:
    """The ident of the team or customer that is known by a name or an ident; a name that people gave stands first."""
    if name is None:
        return None
    if not name.strip():
        raise TermRefused(f"--{kind}: write its name or id")
    c = directory.c
    called = sa.or_(c.ident == name, c.given_name == name, c.name == name)
    wanted = sa.select(c.ident).where(c.kind == kind, called).order_by(c.entry_id)
    with ledger.reading() as connection:
        found = connection.execute(wanted).scalars().all()
    if len(found) > 1 and name not in found:
        raise TermRefused(f"several {kind}s are called {name}: use one of the ids {', '.join(found)}")
    return name if name in found else next(iter(found), None)


def _standing(book: Book, term: Term, at: int) -> Term | None:
    """The term of the same kind and calls that stood where the new one starts, now where it has always held."""
    start = at if term.valid_from is None else term.valid_from
    same = [one for one in book.stored.terms if _scope(one) == _scope(term) and one.covers(start)]
    return max(same, key=lambda one: one.precedence, default=None)


def _scope(term: Term) -> tuple[str | None, ...]:
    return (term.kind, term.provider, term.model, term.region, term.team, term.customer)


def _lines(ledger: Ledger, added: Added) -> list[str]:
    term, before = added.term, added.before
    since = "" if term.valid_from is None else f" from {written(term.valid_from, ledger.zone)}"
    until = "" if term.valid_to is None else f" to {written(term.valid_to, ledger.zone)}"
    when = f"{since}{until}" or " at any time"
    stood = "" if before is None else f" (before: {percent_of(before)})"
    said = (
        f"{term.kind} on {calls_of_term(term)}{when}: {percent_of(term)}, prices times {term.factor:f}{stood}"
    )
    if term.factor == 1:
        said = f"no {term.kind} on {calls_of_term(term)}{when}{stood}"
        if before is None:
            said += "; there was none of just these calls, and one of other calls stands"
    return [
        said,
        "Calls that come from now on are priced by it; `tallybook reprice` for those that are there.",
    ]


def _object(added: Added) -> dict[str, Any]:
    return {
        **term_object(added.term),
        "replaces": None if added.before is None else term_object(added.before),
        "unknown_names": list(added.strangers),
    }
