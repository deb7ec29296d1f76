"""The most: what a table shows of thousands, without working out percentiles for the others."""

from collections.abc import Mapping
from dataclasses import replace

from dashboard import catalogue
from dashboard.question import Filter, SpendQuery
from dashboard.runner import Result, Totals, run
from ingest.ledger.engine import Ledger


def of_most(ledger: Ledger, asked: SpendQuery, most: int, idents: Mapping[str, str]) -> tuple[Result, int]:
    """The answer for the first `most` of a question's first dimension, and how many rows there are in all.

    Its totals are those of all rows, as far as they are sums. `idents` says what a filter calls a name.
    """
    sums = tuple(metric for metric in asked.metrics if not catalogue.METRICS[metric].is_percentile)
    ranked = run(ledger, replace(asked, metrics=sums))
    if len(ranked.rows) <= most:
        return run(ledger, asked), len(ranked.rows)
    first = asked.dimensions[0]
    names = (row.key[0] for row in ranked.rows[:most])
    wanted = tuple(dict.fromkeys(None if one is None else idents.get(str(one), str(one)) for one in names))
    others = tuple(one for one in asked.filters if one.dimension != first)
    shown = run(ledger, replace(asked, filters=(*others, Filter(first, wanted))))
    values = tuple(ranked.total(metric) if metric in sums else None for metric in asked.metrics)
    return replace(shown, totals=Totals(ranked.totals.currency, values)), len(ranked.rows)
