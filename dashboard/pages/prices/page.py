"""Prices: what every model costs, where its price is from, what sources disagree on, and which calls have none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.formatting import format as wording
from dashboard.pages.prices import checks
from dashboard.pages.prices import model as one_price
from dashboard.prices import price_list
from dashboard.prices.price_list import PriceList, PriceListLine, PricesQuery
from dashboard.prices.unpriced import UNPRICED, UnpricedModel, unpriced_models
from dashboard.query.question import Filter, SpendQuery
from dashboard.query.run import run
from dashboard.ui import tables
from dashboard.ui.components import lazy_part, no_calls, page, panel, registered_as
from dashboard.ui.links import prices_csv, spend_csv
from dashboard.ui.view import View, narrowed_search, question
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.model.zone import instant
from ingest.pricing.book import Book
from ingest.pricing.conflicts import Conflict
from ingest.pricing.rates import PriceSet, Unpriced

FIELD: Final = "price-search"
"""The `type` of the id of the field that is searched with."""
MATCHES: Final = "price-matches"
"""The `type` of the id of the place that holds what was found."""
_SHOWN: Final = 15
_SHOWN_FOUND: Final = 50
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
    """The page for a view: the list, or the prices of the only model that is chosen."""
    asked = question(view, ledger.zone, ("requests",))
    if (chosen := one_price.chosen(view)) is not None:
        return one_price.content(ledger, view, *chosen)
    found = listed(ledger, view, asked)
    unused = not view.filters and not run(ledger, asked).requests
    return page(
        "Prices",
        asked,
        [
            *([no_calls(ledger, view)] if unused else []),
            field(view),
            html.Div(matches(ledger, view, found), id={"type": MATCHES, "name": "found"}),
            lazy_part(without, view, 160),
            lazy_part(disagreeing, view, 120),
            lazy_part(checks.differing, view, 120),
            lazy_part(checks.repriced, view, 120),
        ],
    )


def field(view: View) -> Any:
    """Where a model or a provider is searched for."""
    return dmc.TextInput(
        id={"type": FIELD, "name": "search"},
        label="Search a model or a provider",
        placeholder="gpt-5, anthropic, gemini flash batch ...",
        value=view.search,
        debounce=300,
        maw=460,
    )


def listed(ledger: Ledger, view: View, asked: SpendQuery) -> PriceList:
    """The lines of a view, with the prices of now."""
    query = PricesQuery(
        at=now(),
        usage_query=asked,
        search=view.search,
        providers=tuple(view.values("provider")),
        models=tuple(view.values("model")),
        limit=_SHOWN_FOUND if view.search else _SHOWN,
    )
    return price_list.read_price_list(ledger, query)


def matches(ledger: Ledger, view: View, found: PriceList) -> Any:
    """The table of what was found, or that nothing was."""
    csv = prices_csv(found.query.usage_query, view.search)
    if not found.lines:
        return panel(
            "Price list", [html.P([_NOT_FOUND, html.Code(_HOW)], id="prices", className="note")], csv=csv
        )
    more = found.in_all - len(found.lines)
    remarks = ["Prices of the usual meters are per million tokens, in the lowest context band."]
    if any(one.use.unpriced and any(one.use.costs.values()) for one in found.lines):
        remarks.append("* without calls that have no known price")
    if more > 0:
        remarks.append(
            f"{wording.number(more)} more match; search more closely, or take the CSV, which has them all"
        )
    return tables.table(
        "prices",
        f"Price list of now: {wording.number(found.in_all)} lines",
        _HEADER,
        [_row(ledger, view, one) for one in found.lines],
        texts=5,
        csv=csv,
        remarks=remarks,
        width=1000,
    )


def _row(ledger: Ledger, view: View, one: PriceListLine) -> list[Any]:
    provider, model = one.use.most_used_name or one.name[:2]
    named = tables.Text(one.name.model, narrowed_search(view, ("provider", provider), ("model", model)))
    known = [named, tables.Text(one.name.service_tier), tables.Text(one.name.provider)]
    used = [wording.compact(one.use.requests) if one.use.requests else wording.NOTHING, _spend(one, ledger)]
    if isinstance(one.prices, Unpriced):
        reason = html.Span("no price", title=one.prices.reason)
        return [*known, reason, wording.NOTHING, *[wording.NOTHING] * 5, *used]
    rates = one.prices.by_meter
    since = wording.NOTHING if one.since is None else wording.day_of(one.since, ledger.zone.info)
    usual = [
        wording.price(price_list.per_million(rates[meter])) if meter in rates else wording.NOTHING
        for meter in price_list.USUAL
    ]
    return [*known, _source(one.prices), tables.Text(since), *usual, _others(one.prices, one.higher), *used]


def _source(found: PriceSet) -> Any:
    """The most trusted source of the prices; all of them where it is pointed at."""
    origins = found.origin.split("; ")
    return html.Span(f"{found.source}{' and more' if len(origins) > 1 else ''}", title=found.origin)


def _others(found: PriceSet, higher: PriceSet | None) -> Any:
    """Meters that have no column, shortly; in full where it is pointed at."""
    others = [
        one_price.priced(meter, rate, found.currency)
        for meter, rate in found.by_meter.items()
        if meter not in price_list.USUAL
    ]
    if higher is not None:
        others.insert(0, f"other prices above {wording.number(higher.above_input_tokens)} input tokens")
    if not others:
        return wording.NOTHING
    return html.Span(f"{len(others)} more", title="\n".join(others))


def _spend(one: PriceListLine, ledger: Ledger) -> str:
    """What calls cost, the reporting currency first; sums never mix currencies."""
    if not one.use.requests:
        return wording.NOTHING
    ordered = sorted(one.use.costs.items(), key=lambda cost: (cost[0] != ledger.currency, cost[0]))
    if one.use.unpriced and not any(cost for _, cost in ordered):
        return "no known price"
    return " + ".join(wording.amount(cost, key) for key, cost in ordered) + (" *" if one.use.unpriced else "")


@registered_as("prices:without")
def without(ledger: Ledger, view: View) -> Any:
    """The models whose calls have no price, each leading to where it gets one."""
    asked = question(view, ledger.zone, ("requests", "total_tokens"), ("provider", "model"))
    found = unpriced_models(ledger, asked)
    title = "Models without a price"
    if not found:
        words = "Every call of this period has a known price."
        return panel(title, [html.P(words, id="unpriced-models", className="note")])
    book = price_list.book_of(ledger)
    more = len(found) - _SHOWN
    remarks = [
        "These calls are in no sum of money. Choose a model to set its price.",
        *([f"{wording.number(more)} more are not shown here; the CSV has them all"] if more > 0 else []),
    ]
    lines = [_unpriced(view, one, book, ledger.zone.info) for one in found[:_SHOWN]]
    return tables.table(
        "unpriced-models",
        title,
        ("Model", "Provider", "Why", "First", "Last", "Requests", "Tokens"),
        lines,
        texts=5,
        csv=spend_csv(replace(asked, filters=(*asked.filters, Filter("cost_source", (UNPRICED,))))),
        remarks=remarks,
        width=820,
    )


def _unpriced(view: View, one: UnpricedModel, book: Book, zone: tzinfo) -> list[Any]:
    named = tables.Text(one.model, narrowed_search(view, ("provider", one.provider), ("model", one.model)))
    is_known = isinstance(book.find(one.provider, one.model, None, one.last_at, 0), PriceSet)
    since = " (has a price since: tallybook reprice --only-unpriced)" if is_known else ""
    days = [wording.day(instant(at).astimezone(zone).date()) for at in (one.first_at, one.last_at)]
    texts = [one.provider, one.reason + since, *days]
    return [named, *map(tables.Text, texts), wording.compact(one.requests), wording.compact(one.tokens)]


@registered_as("prices:disagreeing")
def disagreeing(ledger: Ledger, view: View) -> Any:
    """Where two sources say something else about the same price."""
    book = price_list.book_of(ledger)
    uses = price_list.usage_by_model(ledger, question(view, ledger.zone, ("requests",)))
    found = price_list.disagreements(book, now(), uses)
    title = "Where sources disagree"
    if not found:
        named = " and ".join(shelf.source for shelf in book.sources)
        words = f"No two sources differ by more than 1%. Prices come from {named}."
        return panel(title, [html.P(words, id="price-conflicts", className="note")])
    told = [shelf.source for shelf in book.sources if any(shelf.source in one.prices for one in found)]
    more = len(found) - _SHOWN_CONFLICTS
    remarks: list[Any] = [
        "Prices in order of trust, from left to right: \N{CHECK MARK} is the one that counts."
    ]
    if more > 0:
        remarks.append([f"{wording.number(more)} more: ", html.Code("tallybook prices list --conflicts")])
    return tables.table(
        "price-conflicts",
        title,
        ("Model", "Provider", "Meter", *told, "Spread"),
        [_conflict(view, one, told) for one in found[:_SHOWN_CONFLICTS]],
        texts=3,
        remarks=remarks,
        width=620 + 110 * len(told),
    )


def _conflict(view: View, one: Conflict, sources: Sequence[str]) -> list[Any]:
    counts = next(iter(one.prices))
    named = tables.Text(
        one.model + one_price.band_of(one.service_tier, one.above),
        narrowed_search(view, ("provider", one.provider), ("model", one.model)),
    )
    told = []
    for source in sources:
        rate = one.prices.get(source)
        price, _ = one_price.priced_per(one.meter, rate) if rate else (None, "")
        mark = " \N{CHECK MARK}" if source == counts else ""
        told.append(wording.NOTHING if price is None else wording.price(price) + mark)
    per = one_price.priced_per(one.meter, one.prices[counts])[1]
    meter = f"{one_price.meter_name(one.meter)} per {per}"
    return [named, tables.Text(one.provider), tables.Text(meter), *told, wording.percent(one.spread)]


PARTS: Final = (
    *(without, disagreeing, *checks.PARTS),
    *(one_price.course, one_price.applying, one_price.behind, one_price.rows),
)
