"""Spend over time: a bar for each time bucket, in it a colour for each top spender, and one for all others.

The query for the top spenders is filtered, and the others are the difference to the whole, so that a ledger
with thousands of keys answers as fast as a ledger with ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from dashboard.formatting import format as wording
from dashboard.query.question import Filter, SpendQuery
from dashboard.query.rewrite import rewrite
from dashboard.query.run import Result, run
from dashboard.ui import charts
from dashboard.ui.components import chart, time_bucket
from dashboard.ui.links import spend_csv
from dashboard.ui.series import display_name, filtered, money, rows_in_currency
from dashboard.ui.tables import NameLink
from ingest.ledger.engine import Ledger

SHOWN_SERIES: Final = 7


@dataclass(frozen=True)
class SpendSeries:
    """Spend by time bucket in one currency, of each top spender by name (None: no name) and of all others."""

    buckets: Sequence[str]
    values: Mapping[str | None, Sequence[Decimal]]
    rest: Sequence[Decimal] | None
    """The spend of all others; None if there are no others."""


def spend_chart(
    ledger: Ledger,
    query: SpendQuery,
    ranked: Result,
    title: str,
    *,
    link: NameLink,
    idents: Mapping[str, str] | None = None,
    unknown: str = "unknown",
) -> Any:
    """The chart of a query by time and a second dimension; `ranked` is the answer by that dimension alone.

    `link` is the target of a legend entry. `idents` are the values of filters by name, for names that differ
    from them.
    """
    query = rewrite(query)
    currency = ranked.totals.currency
    series = spend_series(ledger, query, ranked, idents or {})
    values = {display_name(name, unknown): amounts for name, amounts in series.values.items()}
    links = {display_name(name, unknown): link(name) for name in series.values if name is not None}
    if series.rest is not None:
        values[charts.OTHER] = series.rest
    texts = {
        name: [wording.amount(amount, currency) for amount in amounts] for name, amounts in values.items()
    }
    return chart(
        "spend-over-time",
        f"{title} ({currency})",
        charts.stacked_bars(series.buckets, values, texts),
        [*values],
        narrows=time_bucket(query),
        links={name: target for name, target in links.items() if target},
        csv=spend_csv(query),
    )


def spend_series(ledger: Ledger, query: SpendQuery, ranked: Result, idents: Mapping[str, str]) -> SpendSeries:
    """The spend per time bucket of each top spender, and of all others together."""
    dimension, currency = query.dimensions[1], ranked.totals.currency
    names, has_others = _top_spenders(ranked, dimension)
    filter_values = tuple(None if name is None else idents.get(name, name) for name in names)
    # The top spenders are read before the whole: a call that arrives in between counts among the others.
    top = run(ledger, filtered(query, Filter(dimension, filter_values)))
    whole = run(ledger, replace(query, dimensions=("time",)))
    places = {bucket: at for at, bucket in enumerate(whole.buckets)}
    rest = [Decimal()] * len(places)
    for row in rows_in_currency(whole, currency):
        rest[places[str(row.key[0])]] += money(row)
    values = {name: [Decimal()] * len(places) for name in names}
    for row in rows_in_currency(top, currency):
        name = None if row.key[1] is None else str(row.key[1])
        if name in values:  # otherwise the entry was renamed between the two queries
            at = places[str(row.key[0])]
            values[name][at] += money(row)
            rest[at] -= money(row)
    return SpendSeries(whole.buckets, values, rest if has_others else None)


def _top_spenders(ranked: Result, dimension: str) -> tuple[list[str | None], bool]:
    """The names that spent most, the largest spend first, and whether there are others."""
    name_at = ranked.query.dimensions.index(dimension)
    cost_at = ranked.query.metrics.index("total_cost")
    totals: dict[str | None, Decimal] = {}
    for row in rows_in_currency(ranked):
        name = None if row.key[name_at] is None else str(row.key[name_at])
        totals[name] = totals.get(name, Decimal()) + money(row, cost_at)
    ordered = sorted(totals, key=lambda name: (-totals[name], name or ""))
    return ordered[:SHOWN_SERIES], len(ordered) > SHOWN_SERIES
