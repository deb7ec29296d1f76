"""Parts of the page Prices about past calls: reported against computed costs, and the last repricing runs."""

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
from ingest.price_book.reprice_runs import Run, Scope
from ingest.price_book.repricing import amounts

_SHOWN: Final = 15
_SHOWN_RUNS: Final = 5


@registered_as("price_checks:differing")
def cost_differences(ledger: Ledger, view: View) -> Any:
    """The models whose reported costs differ from the costs that the price book computes."""
    query = question(view, ledger.zone, ("requests",))
    variances = model_variances(ledger, query, price_list.book_of(ledger))
    title = "Reported against computed"
    if not variances:
        note = "No model's reported and computed costs differ by more than 1%."
        return panel(title, [html.P(note, id="variance", className="note")])
    more = len(variances) - _SHOWN
    counts = "What counts is what the source reported, unless the settings say otherwise."
    remarks = [f"Calls of which both are known. {counts}"]
    if more > 0:
        remarks.append(f"{wording.number(more)} more are not shown here; the CSV has them all")
    return tables.table(
        "variance",
        title,
        ("Model", "Provider", "Likely cause", "Requests", "Reported", "Computed", "Difference"),
        [_variance_row(view, model) for model in variances[:_SHOWN]],
        texts=3,
        csv=variance_csv(query),
        remarks=remarks,
        width=860,
    )


def _variance_row(view: View, model: Variance) -> list[Any]:
    link = narrowed_search(view, ("provider", model.provider), ("model", model.model))
    totals = (wording.amount(from_pico(pico), model.currency) for pico in (model.reported, model.computed))
    return [
        tables.Text(model.model, link),
        tables.Text(model.provider),
        tables.Text(model.cause or "unknown"),
        wording.compact(model.requests),
        *totals,
        wording.percent(model.share) if model.share is not None else wording.NOTHING,
    ]


@registered_as("price_checks:repriced")
def repricing_runs(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - every part is made for a view
    """The last repricing runs, with what each changed."""
    with ledger.reading() as connection:
        runs = reprice_runs.runs(connection, _SHOWN_RUNS)
    title = "Priced again"
    if not runs:
        note: list[Any] = [
            "Nothing has been priced again yet. What it would change: ",
            html.Code("tallybook reprice --dry-run"),
        ]
        return panel(title, [html.P(note, id="repricings", className="note")])
    return tables.table(
        "repricings",
        title,
        ("Run", "When", "Who", "Which calls", "Looked at", "Changed", "Before", "After"),
        [_run_row(run, ledger.zone) for run in runs],
        texts=4,
        width=860,
    )


def _run_row(run: Run, zone: Zone) -> list[Any]:
    started = run.started_at.astimezone(zone.info)
    status = "" if run.status == "done" else f" ({run.status})"
    texts = [
        f"{run.run_id}{status}",
        f"{wording.day(started.date())}, {started:%H:%M}",
        run.started_by,
        _scope_text(run.scope, zone),
    ]
    totals = amounts(run.changes)
    before, after = (
        ", ".join(wording.amount(from_pico(pair[at]), currency) for currency, pair in sorted(totals.items()))
        for at in (0, 1)
    )
    counts = (wording.number(count) for count in (run.examined, run.changed))
    return [*map(tables.Text, texts), *counts, before or wording.NOTHING, after or wording.NOTHING]


def _scope_text(scope: Scope, zone: Zone) -> str:
    days = [
        f"{word} {wording.day(instant(at).astimezone(zone.info).date())}"
        for word, at in (("from", scope.start), ("to", scope.end))
        if at is not None
    ]
    names = [name for name in (scope.provider, scope.model) if name]
    parts = [*(["unpriced"] if scope.only_unpriced else []), *names, *days]
    return " ".join(parts) if parts else "all"


PARTS: Final = (cost_differences, repricing_runs)
