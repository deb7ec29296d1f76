"""The page Prices: the price list with its sources, models without a price, and conflicts between sources."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.formatting import format as wording
from dashboard.pages.prices import checks
from dashboard.pages.prices import model as model_page
from dashboard.prices import price_list
from dashboard.prices.missing_price import missing_meters
from dashboard.prices.price_list import ModelUsage, PriceList, PriceListLine, PricesQuery
from dashboard.prices.unpriced import UnpricedModel, unpriced_models
from dashboard.query.question import SpendQuery
from dashboard.query.run import run
from dashboard.ui import tables
from dashboard.ui.components import lazy_part, no_calls, page, panel, registered_as
from dashboard.ui.links import prices_csv, unpriced_csv
from dashboard.ui.view import View, narrowed_search, question
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.model.zone import instant
from ingest.pricing.book import Book
from ingest.pricing.conflicts import Conflict
from ingest.pricing.rates import PriceSet, Unpriced

SEARCH_FIELD: Final = "price-search"
"""The `type` of the id of the search field."""
MATCHES: Final = "price-matches"
"""The `type` of the id of the element around the price table."""
_SHOWN: Final = 15
_SHOWN_MATCHES: Final = 50
_SHOWN_CONFLICTS: Final = 10
_NOT_FOUND: Final = "No model with a price or a call is called that. One gets a price with "
_HOW: Final = "tallybook prices set PROVIDER MODEL input=2.50 output=10 --from DATE"
_HEADER: Final = (
    "Model",
    "Tier",
    "Provider",
    "Source",
    "Valid from",
    "Input",
    "Output",
    "Cache read",
    "Cache write",
    "Other",
    "Requests",
    "Spend",
)


@registered_as("prices:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: the price list, or the page of one model if the view is filtered to one."""
    query = question(view, ledger.zone, ("requests",))
    if (chosen := model_page.chosen_model(view)) is not None:
        return model_page.content(ledger, view, *chosen)
    matches = matching_prices(ledger, view, query)
    is_unused = not view.filters and not run(ledger, query).requests
    return page(
        "Prices",
        query,
        [
            *([no_calls(ledger, view)] if is_unused else []),
            search_field(view),
            html.Div(price_table(ledger, view, matches), id={"type": MATCHES, "name": "found"}),
            lazy_part(unpriced_table, view, 160),
            lazy_part(source_conflicts, view, 120),
            lazy_part(checks.cost_differences, view, 120),
            lazy_part(checks.repricing_runs, view, 120),
        ],
    )


def search_field(view: View) -> Any:
    """The field that searches models and providers."""
    return dmc.TextInput(
        id={"type": SEARCH_FIELD, "name": "search"},
        label="Search a model or a provider",
        placeholder="gpt-5, anthropic, gemini flash batch ...",
        value=view.search,
        debounce=300,
        maw=460,
    )


def matching_prices(ledger: Ledger, view: View, query: SpendQuery) -> PriceList:
    """The current prices that match a view."""
    prices_query = PricesQuery(
        at=now(),
        usage_query=query,
        search=view.search,
        providers=tuple(view.values("provider")),
        models=tuple(view.values("model")),
        limit=_SHOWN_MATCHES if view.search else _SHOWN,
    )
    return price_list.read_price_list(ledger, prices_query)


def price_table(ledger: Ledger, view: View, matches: PriceList) -> Any:
    """The table of the matching prices, or a note that no price matches."""
    csv = prices_csv(matches.query.usage_query, view.search)
    if not matches.lines:
        return panel(
            "Price list", [html.P([_NOT_FOUND, html.Code(_HOW)], id="prices", className="note")], csv=csv
        )
    more = matches.in_all - len(matches.lines)
    remarks = ["Prices of the usual meters are per million tokens, in the lowest context band."]
    if any(line.use.unpriced and any(line.use.costs.values()) for line in matches.lines):
        remarks.append("* without calls that have no known price")
    if more > 0:
        remarks.append(
            f"{wording.number(more)} more match; search more closely, or take the CSV, which has them all"
        )
    return tables.table(
        "prices",
        f"Price list of now: {wording.number(matches.in_all)} lines",
        _HEADER,
        [_row(ledger, view, line) for line in matches.lines],
        texts=5,
        csv=csv,
        remarks=remarks,
        width=1000,
    )


def _row(ledger: Ledger, view: View, line: PriceListLine) -> list[Any]:
    name, use, prices = line.name, line.use, line.prices
    provider, model = use.most_used_name or name[:2]
    link = narrowed_search(view, ("provider", provider), ("model", model))
    names = [tables.Text(name.model, link), tables.Text(name.service_tier), tables.Text(name.provider)]
    usage = [wording.compact(use.requests) if use.requests else wording.NOTHING, _spend(use, ledger)]
    if isinstance(prices, Unpriced):
        reason = html.Span("no price", title=prices.reason)
        return [*names, reason, wording.NOTHING, *[wording.NOTHING] * 5, *usage]
    rates = prices.by_meter
    since = wording.NOTHING if line.since is None else wording.day_of(line.since, ledger.zone.info)
    usual = [
        wording.price(price_list.per_million(rates[meter])) if meter in rates else wording.NOTHING
        for meter in price_list.USUAL
    ]
    return [*names, _source(prices), tables.Text(since), *usual, _other_prices(prices, line.higher), *usage]


def _source(prices: PriceSet) -> Any:
    """The most trusted source of the prices, with all sources as its tooltip."""
    origins = prices.origin.split("; ")
    return html.Span(f"{prices.source}{' and more' if len(origins) > 1 else ''}", title=prices.origin)


def _other_prices(prices: PriceSet, higher: PriceSet | None) -> Any:
    """The number of prices that have no column, with the prices as its tooltip."""
    others = [
        model_page.price_text(meter, rate, prices.currency)
        for meter, rate in prices.by_meter.items()
        if meter not in price_list.USUAL
    ]
    if higher is not None:
        others.insert(0, f"other prices above {wording.number(higher.above_input_tokens)} input tokens")
    if not others:
        return wording.NOTHING
    return html.Span(f"{len(others)} more", title="\n".join(others))


def _spend(use: ModelUsage, ledger: Ledger) -> str:
    """The cost of the calls by currency, the reporting currency first. Sums never mix currencies."""
    if not use.requests:
        return wording.NOTHING
    costs = sorted(use.costs.items(), key=lambda cost: (cost[0] != ledger.currency, cost[0]))
    if use.unpriced and not any(amount for _, amount in costs):
        return "no known price"
    amounts = " + ".join(wording.amount(amount, currency) for currency, amount in costs)
    return amounts + (" *" if use.unpriced else "")


@registered_as("prices:without")
def unpriced_table(ledger: Ledger, view: View) -> Any:
    """The models whose calls have no price, each with a link to the form that sets one."""
    query = question(view, ledger.zone, ("requests",))
    models = unpriced_models(ledger, query, partly=True)
    title = "Models without a price"
    if not models:
        note = "Every call of this period has a known price."
        return panel(title, [html.P(note, id="unpriced-models", className="note")])
    book = price_list.book_of(ledger)
    more = len(models) - _SHOWN
    remarks = [
        "What has no price is in no sum of money. Choose a model to set its price.",
        *([f"{wording.number(more)} more are not shown here; the CSV has them all"] if more > 0 else []),
    ]
    rows = [_unpriced_row(view, model, book, ledger.zone.info) for model in models[:_SHOWN]]
    return tables.table(
        "unpriced-models",
        title,
        ("Model", "Provider", "Why", "First", "Last", "Requests", "Tokens"),
        rows,
        texts=5,
        csv=unpriced_csv(query),
        remarks=remarks,
        width=820,
    )


def _unpriced_row(view: View, model: UnpricedModel, book: Book, zone: tzinfo) -> list[Any]:
    link = narrowed_search(view, ("provider", model.provider), ("model", model.model))
    prices = book.find(model.provider, model.model, None, model.last_at, 0)
    meters = missing_meters(model.reason)
    has_price = isinstance(prices, PriceSet) and all(meter in prices.numerators for meter in meters)
    since = " (has a price since: tallybook reprice --only-unpriced)" if has_price else ""
    days = [wording.day(instant(at).astimezone(zone).date()) for at in (model.first_at, model.last_at)]
    rest = " (the rest is priced)" if model.partly_priced else ""
    texts = [model.provider, model.reason + rest + since, *days]
    return [
        tables.Text(model.model, link),
        *map(tables.Text, texts),
        wording.compact(model.requests),
        wording.compact(model.tokens),
    ]


@registered_as("prices:disagreeing")
def source_conflicts(ledger: Ledger, view: View) -> Any:
    """The prices on which two sources disagree."""
    book = price_list.book_of(ledger)
    uses = price_list.usage_by_model(ledger, question(view, ledger.zone, ("requests",)))
    conflicts = price_list.disagreements(book, now(), uses)
    title = "Where sources disagree"
    sources = [prices.source for prices in book.sources]
    if not conflicts:
        note = f"No two sources differ by more than 1%. Prices come from {' and '.join(sources)}."
        return panel(title, [html.P(note, id="price-conflicts", className="note")])
    columns = [source for source in sources if any(source in conflict.prices for conflict in conflicts)]
    more = len(conflicts) - _SHOWN_CONFLICTS
    remarks: list[Any] = [
        "Prices in order of trust, from left to right: \N{CHECK MARK} is the one that counts."
    ]
    if more > 0:
        remarks.append([f"{wording.number(more)} more: ", html.Code("tallybook prices list --conflicts")])
    return tables.table(
        "price-conflicts",
        title,
        ("Model", "Provider", "Meter", *columns, "Spread"),
        [_conflict_row(view, conflict, columns) for conflict in conflicts[:_SHOWN_CONFLICTS]],
        texts=3,
        remarks=remarks,
        width=620 + 110 * len(columns),
    )


def _conflict_row(view: View, conflict: Conflict, sources: Sequence[str]) -> list[Any]:
    trusted = next(iter(conflict.prices))
    name = conflict.model + model_page.tier_and_band(conflict.service_tier, conflict.above)
    link = narrowed_search(view, ("provider", conflict.provider), ("model", conflict.model))
    prices = []
    for source in sources:
        rate = conflict.prices.get(source)
        price, _ = model_page.price_and_unit(conflict.meter, rate) if rate else (None, "")
        mark = " \N{CHECK MARK}" if source == trusted else ""
        prices.append(wording.NOTHING if price is None else wording.price(price) + mark)
    _, per = model_page.price_and_unit(conflict.meter, conflict.prices[trusted])
    texts = [conflict.provider, f"{model_page.meter_name(conflict.meter)} per {per}"]
    return [tables.Text(name, link), *map(tables.Text, texts), *prices, wording.percent(conflict.spread)]


PARTS: Final = (
    *(unpriced_table, source_conflicts, *checks.PARTS),
    *(
        model_page.price_history,
        model_page.current_prices,
        model_page.terms_and_aliases,
        model_page.price_rows,
    ),
)
