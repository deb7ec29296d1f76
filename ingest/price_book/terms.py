"""Terms: discounts, mark-ups and region surcharges, which change list prices of some calls from a day on."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ingest.ledger import price_book
from ingest.ledger.directory import Kind, idents_named
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.parse import numbers
from ingest.parse.dates import written
from ingest.parse.numbers import NotANumber
from ingest.pricing.book import Book
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY
from ingest.pricing.terms import Term, TermKind

_ALL: Final = ("*", "all")


class TermRefused(Invalid):
    """An option of a term is invalid; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTermOptions:
    """A term, and the calls that it applies to."""

    kind: TermKind
    what: str
    """PROVIDER, PROVIDER/MODEL, or all."""
    percent: str
    """Text such as `12%`."""
    valid_from: int | None = None
    """The period of the term, half-open, in microseconds UTC; None for an open start or end."""
    valid_to: int | None = None
    region: str | None = None
    team: str | None = None
    customer: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class TermChange:
    """An added term, the term of the same calls that it replaces, and names that are not in the directory."""

    term: Term
    before: Term | None
    unknown_names: tuple[str, ...]


def add_term(ledger: Ledger, options: AddTermOptions, *, by: str, at: int) -> TermChange:
    """Add a term to the price book; the added term and the term that it replaces.

    Raises:
        TermRefused: an option is invalid.
    """
    team, customer = _ident(ledger, "team", options.team), _ident(ledger, "customer", options.customer)
    term = _term(ledger, options, team or options.team, customer or options.customer, by=by, at=at)
    before = _replaced(price_book.read_book(ledger), term, at)
    with ledger.writing() as connection:
        price_book.add_terms(connection, [term])
    named = (("the team", options.team, team), ("the customer", options.customer, customer))
    unknown = tuple(f"{kind} {name}" for kind, name, ident in named if name and ident is None)
    return TermChange(term, before, unknown)


def factor_of(kind: TermKind, percent: str) -> Decimal:
    """The factor on list prices of a percentage off (a discount) or on top (other kinds).

    Raises:
        TermRefused: the text is not a percentage, is negative, or is a discount of 100% or more.
    """
    try:
        part = numbers.percent(percent)
    except NotANumber as error:
        message = f"{percent!r} is no percentage; write one such as 12% or 7.5%"
        raise TermRefused("no_percentage", message, "percent") from error
    if part < 0:
        other = "markup" if kind == "discount" else "discount"
        message = f"{percent} is negative; for the other way there is `prices {other}`"
        raise TermRefused("negative_percentage", message, "percent")
    if kind == "discount" and part >= 1:
        message = f"a discount of {percent} leaves nothing to pay; write less than 100%"
        raise TermRefused("whole_price", message, "percent")
    return 1 - part if kind == "discount" else 1 + part


def _term(
    ledger: Ledger, options: AddTermOptions, team: str | None, customer: str | None, *, by: str, at: int
) -> Term:
    start, end = options.valid_from, options.valid_to
    if start is not None and end is not None and start >= end:
        start_text, end_text = (written(edge, ledger.zone) for edge in (start, end))
        raise TermRefused("empty_period", f"{end_text}: it must end after it starts ({start_text})", "to")
    provider, _, model = options.what.strip().lower().partition("/")
    if not provider:
        message = f"{options.what!r} names no provider; write PROVIDER, PROVIDER/MODEL or all"
        raise TermRefused("no_provider", message, "what")
    return Term(
        kind=options.kind,
        factor=factor_of(options.kind, options.percent),
        provider=ANY if provider in _ALL else provider_of(provider),
        model=model or ANY,
        region=options.region,
        team=team,
        customer=customer,
        valid_from=start,
        valid_to=end,
        origin=options.note,
        added_at=at,
        added_by=by,
    )


def _ident(ledger: Ledger, kind: Kind, name: str | None) -> str | None:
    """The id of the team or customer with a name or id; None without a name, or if the directory has none."""
    if name is None:
        return None
    if not name.strip():
        raise TermRefused("no_name", "write its name or id", kind)
    with ledger.reading() as connection:
        idents = idents_named(connection, kind, name)
    if len(idents) > 1 and name not in idents:
        message = f"several {kind}s are called {name}: use one of the ids {', '.join(idents)}"
        raise TermRefused("several_of_the_name", message, kind)
    return name if name in idents else next(iter(idents), None)


def _replaced(book: Book, term: Term, at: int) -> Term | None:
    """The earlier term of the same kind and calls at the term's start (at `at` if its start is open)."""
    start = at if term.valid_from is None else term.valid_from
    same = [other for other in book.stored.terms if other.scope == term.scope and other.covers(start)]
    return max(same, key=lambda other: other.precedence, default=None)
