"""Mark-ups without effect: calls that a mark-up is about, and that were charged without it.

A cost that a source reports is a fact, which no term changes. A computed cost has the mark-up of the time
when it was computed, and that of a team or customer only where the gateway itself names it. Nothing is
charged here: the report says how much cost was left without which mark-up.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from dashboard.chargeback.statement import IdleMarkup, joined_markups
from dashboard.chargeback.store import names_of
from dashboard.query.calendar import Calendar
from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import Row, run
from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.model.money import pico_of
from ingest.model.zone import instant
from ingest.price_book.descriptions import calls_of_term
from ingest.pricing.matching import model_names
from ingest.pricing.terms import Term, applicable_terms, percent_of

_METRICS: Final = ("total_cost", "contracted_cost", "requests")
_DIMENSIONS: Final = ("team", "customer", "provider", "model", "cost_source")
_ROUNDING: Final = 10
"""Each of the components of a call is rounded once."""


def idle_markups(ledger: Ledger, calendar: Calendar) -> tuple[IdleMarkup, ...]:
    """The mark-ups of a period that some calls were charged without."""
    with ledger.reading() as connection:
        markups = [term for term in price_book.terms(connection) if term.kind == "markup"]
    if all(term.factor == 1 for term in markups):
        return ()
    start, end = calendar.period(ledger.zone).micros
    edges = {edge for term in markups for edge in (term.valid_from, term.valid_to) if edge is not None}
    inner = sorted(edge for edge in edges if start < edge < end)
    return joined_markups(
        idle
        for first, stop in pairwise([start, *inner, end])
        for idle in _during(ledger, markups, first, stop)
    )


def _during(ledger: Ledger, markups: Iterable[Term], start: int, end: int) -> Iterator[IdleMarkup]:
    """The mark-ups without effect between two instants, within which no mark-up starts or ends."""
    query = SpendQuery(
        period=Period(instant(start), instant(end)),
        zone=ledger.zone.name,
        metrics=_METRICS,
        dimensions=_DIMENSIONS,
        currency=REPORTING,
        by_entry=True,
    )
    rows = [row for row in run(ledger, query).rows if row.currency == ledger.currency]
    with ledger.reading() as connection:
        entries = {int(str(entry)) for row in rows for entry in row.key[:2] if entry is not None}
        idents = {entry: named.ident for entry, named in names_of(connection, entries).items()}
    for row in rows:
        term = _term_of(row, markups, idents, start)
        if term is not None and _is_idle(row, _factors(row, term, markups, start)):
            yield IdleMarkup(
                calls=calls_of_term(term),
                percent=percent_of(term),
                why="reported" if row.key[4] == "reported" else "computed",
                cost=_pico(row, 0),
                requests=int(str(row.values[2])),
            )


def _term_of(row: Row, markups: Iterable[Term], idents: Mapping[int, str], at: int) -> Term | None:
    """The mark-up that is about the calls of a row."""
    team, customer = (None if entry is None else idents.get(int(str(entry))) for entry in row.key[:2])
    names = list(model_names(str(row.key[2]), str(row.key[3])))
    concerned = [
        term
        for term in markups
        if any(term.concerns(name.provider, name.model, None, team, customer) for name in names)
    ]
    return next(iter(applicable_terms(concerned, at)), None)


def _factors(row: Row, term: Term, markups: Iterable[Term], at: int) -> list[Decimal]:
    """The factor of the mark-up, and those that may stand instead on some calls of the row.

    An owner's calls may be calls that the gateway names as another team's, with the mark-up of that team.
    """
    factors = [term.factor]
    if term.team is None and term.customer is None:
        names = list(model_names(str(row.key[2]), str(row.key[3])))
        factors += [
            other.factor
            for other in markups
            if (other.team is not None or other.customer is not None)
            and applicable_terms([other], at)
            and any(
                other.concerns(name.provider, name.model, None, other.team, other.customer) for name in names
            )
        ]
    return factors


def _is_idle(row: Row, factors: Iterable[Decimal]) -> bool:
    cost, contracted = _pico(row, 0), _pico(row, 1)
    if row.key[4] == "reported":
        return cost != 0
    if row.key[4] != "computed":
        return False
    expected = sorted(contracted * Fraction(factor) for factor in factors)
    rounding = _ROUNDING * (int(str(row.values[2])) + 1)
    return not expected[0] - rounding <= cost <= expected[-1] + rounding


def _pico(row: Row, place: int) -> int:
    value = row.values[place]
    return pico_of(value) if isinstance(value, Decimal) else 0
