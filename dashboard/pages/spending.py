"""Spend over time: a bar for each bucket, those who spent most each in a colour, all others together.

The few are asked for by themselves and the others follow from the whole, so a ledger with thousands of keys answers as
fast as one with ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from dashboard import figures, wording
from dashboard.links import spend_csv
from dashboard.pages.parts import chart, over_time
from dashboard.pages.series import money, named, of_currency
from dashboard.pages.tables import Links
from dashboard.question import Filter, SpendQuery
from dashboard.rewriting import rewrite
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

MOST: Final = 7


@dataclass(frozen=True)
class Spending:
    """Spend per bucket in one currency: of each who spent most (None is who has no name), and of all others."""

    buckets: Sequence[str]
    values: Mapping[str | None, Sequence[Decimal]]
    rest: Sequence[Decimal] | None
    """None where there are no others."""


def spend_chart(
    ledger: Ledger,
    asked: SpendQuery,
    ranked: Result,
    title: str,
    *,
    link: Links,
    idents: Mapping[str, str] | None = None,
    none: str = "unknown",
) -> Any:
    """The chart of a question by time and one dimension; `ranked` is the answer by that dimension.

    `idents` says what a filter calls a name, where that differs. A legend entry leads where `link` says.
    """
    asked = rewrite(asked)
    currency = ranked.totals.currency
    found = spending(ledger, asked, ranked, idents or {})
    values = {named(name, none): some for name, some in found.values.items()}
    links = {named(name, none): link(name) for name in found.values if name is not None}
    if found.rest is not None:
        values[figures.OTHER] = found.rest
    texts = {name: [wording.amount(one, currency) for one in some] for name, some in values.items()}
    return chart(
        "spend-over-time",
        f"{title} ({currency})",
        figures.stacked_bars(found.buckets, values, texts),
        [*values],
        means=over_time(asked),
        links={name: target for name, target in links.items() if target},
        csv=spend_csv(asked),
    )


def spending(ledger: Ledger, asked: SpendQuery, ranked: Result, idents: Mapping[str, str]) -> Spending:
    """Spend per bucket of those who spent most, and of all others together."""
    dimension, currency = asked.dimensions[1], ranked.totals.currency
    most, more = _leaders(ranked, dimension)
    wanted = tuple(None if name is None else idents.get(name, name) for name in most)
    others = tuple(one for one in asked.filters if one.dimension != dimension)
    # The few before the whole: what arrives between the two questions is then among the others.
    of_most = run(ledger, replace(asked, filters=(*others, Filter(dimension, wanted))))
    whole = run(ledger, replace(asked, dimensions=("time",)))
    place = {bucket: at for at, bucket in enumerate(whole.buckets)}
    rest = [Decimal()] * len(place)
    for row in of_currency(whole, currency):
        rest[place[str(row.key[0])]] += money(row)
    values = {name: [Decimal()] * len(place) for name in most}
    for row in of_currency(of_most, currency):
        name = None if row.key[1] is None else str(row.key[1])
        if name in values:  # else somebody was renamed between the two questions
            at = place[str(row.key[0])]
            values[name][at] += money(row)
            rest[at] -= money(row)
    return Spending(whole.buckets, values, rest if more else None)


def _leaders(ranked: Result, dimension: str) -> tuple[list[str | None], bool]:
    """Who spent most, most first, and whether there are others."""
    at = ranked.query.dimensions.index(dimension)
    spent_at = ranked.query.metrics.index("total_cost")
    totals: dict[str | None, Decimal] = {}
    for row in of_currency(ranked):
        name = None if row.key[at] is None else str(row.key[at])
        totals[name] = totals.get(name, Decimal()) + money(row, spent_at)
    ordered = sorted(totals, key=lambda name: (-totals[name], name or ""))
    return ordered[:MOST], len(ordered) > MOST
