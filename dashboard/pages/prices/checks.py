"""Parts of the page Prices that look back: reported against computed costs, and the last runs that priced calls again."""

from typing import Any, Final

from dash import html

from dashboard.formatting import format as wording
from dashboard.prices import price_list
from dashboard.prices.variance import Variance, model_variances
from dashboard.ui import tables
from dashboard.ui.components import panel, registered_as
from dashboard.ui.links import variance_csv
from dashboard.ui.view import View, narrowed_search, question
from ingest.ledger.engine import Ledger
from ingest.model.money import from_pico
from ingest.model.zone import Zone, instant
from ingest.price_book import reprice_runs
from ingest.price_book.reprice_runs import Run
from ingest.price_book.repricing import amounts

_SHOWN: Final = 15
_SHOWN_RUNS: Final = 5


@registered_as("price_checks:differing")
def differing(ledger: Ledger, view: View) -> Any:
    """Models whose source reports another cost than the price book computes."""
    asked = question(view, ledger.zone, ("requests",))
    found = model_variances(ledger, asked, price_list.book_of(ledger))
    title = "Reported against computed"
    if not found:
        words = "No model's reported and computed costs differ by more than 1%."
        return panel(title, [html.P(words, id="variance", className="note")])
    more = len(found) - _SHOWN
    remarks = [
        "Calls of which both are known. What counts is what the source reported, unless the settings say otherwise."
    ]
    if more > 0:
        remarks.append(f"{wording.number(more)} more are not shown here; the CSV has them all")
    return tables.table(
        "variance",
        title,
        ("Model", "Provider", "Likely cause", "Requests", "Reported", "Computed", "Difference"),
        [_differing(view, one) for one in found[:_SHOWN]],
        texts=3,
        csv=variance_csv(asked),
        remarks=remarks,
        width=860,
    )


def _differing(view: View, one: Variance) -> list[Any]:
    named = tables.Text(one.model, narrowed_search(view, ("provider", one.provider), ("model", one.model)))
    totals = (wording.amount(from_pico(pico), one.currency) for pico in (one.reported, one.computed))
    return [
        named,
        tables.Text(one.provider),
        tables.Text(one.cause or "unknown"),
        wording.compact(one.requests),
        *totals,
        wording.percent(one.share) if one.share is not None else wording.NOTHING,
    ]


@registered_as("price_checks:repriced")
def repriced(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - every part is made for a view
    """The last runs that priced calls again, with what they changed."""
    with ledger.reading() as connection:
        found = reprice_runs.runs(connection, _SHOWN_RUNS)
    title = "Priced again"
    if not found:
        words: list[Any] = [
            "Nothing has been priced again yet. What it would change: ",
            html.Code("tallybook reprice --dry-run"),
        ]
        return panel(title, [html.P(words, id="repricings", className="note")])
    return tables.table(
        "repricings",
        title,
        ("Run", "When", "Who", "Which calls", "Looked at", "Changed", "Before", "After"),
        [_run(one, ledger.zone) for one in found],
        texts=4,
        width=860,
    )


def _run(one: Run, zone: Zone) -> list[Any]:
    when = one.started_at.astimezone(zone.info)
    state = "" if one.status == "done" else f" ({one.status})"
    texts = [
        f"{one.run_id}{state}",
        f"{wording.day(when.date())}, {when:%H:%M}",
        one.started_by,
        _scope(one, zone),
    ]
    totals = amounts(one.changes)
    before, after = (
        ", ".join(wording.amount(from_pico(pair[at]), currency) for currency, pair in sorted(totals.items()))
        for at in (0, 1)
    )
    counts = (wording.number(count) for count in (one.examined, one.changed))
    return [*map(tables.Text, texts), *counts, before or wording.NOTHING, after or wording.NOTHING]


def _scope(one: Run, zone: Zone) -> str:
    scope = one.scope
    days = [
        f"{word} {wording.day(instant(at).astimezone(zone.info).date())}"
        for word, at in (("from", scope.start), ("to", scope.end))
        if at is not None
    ]
    names = [name for name in (scope.provider, scope.model) if name]
    parts = [*(["unpriced"] if scope.only_unpriced else []), *names, *days]
    return " ".join(parts) if parts else "all"


PARTS: Final = (differing, repriced)
