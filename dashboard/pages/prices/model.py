"""The prices of one model: current prices, price history, rows of the price book, and a form for new ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.formatting import format as wording
from dashboard.prices.model_prices import Band, PricedModel, priced_model
from dashboard.prices.price_list import MILLION, USUAL, book_of, per_million
from dashboard.prices.unpriced import unpriced_models
from dashboard.ui import charts, tables
from dashboard.ui.charts import Step
from dashboard.ui.components import chart, lazy_part, page, panel, registered_as
from dashboard.ui.view import View, question, to_search
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.model.money import plain_decimal
from ingest.model.zone import instant
from ingest.pricing.book import Alias
from ingest.pricing.history import Stretch
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import METERS, PriceSet, Rate
from ingest.pricing.terms import Term

SHOWN_ROWS: Final = 50
FORM_METERS: Final = ("input", "output", "cache_read", "cache_write")
"""The meters whose prices the form sets."""
_OVER_BANDS: Final = (
    "It is one price for calls of every size, and stands before published ones of large calls."
)
_UNITS: Final = {
    "search": "searches",
    "request": "requests",
    "tool_call": "tool calls",
    "character": "characters",
    "page": "pages",
    "image": "images",
    "search_unit": "search units",
    "audio_ms": "ms",
    "input_audio_ms": "ms",
    "video_ms": "ms",
}
_HOUR_MS: Final = 3_600_000
_SECOND_MS: Final = 1_000
_YEAR: Final = timedelta(days=365)


def chosen_model(view: View) -> tuple[str, str] | None:
    """The provider and the model of a view that is filtered to one of each, else None."""
    providers, models = view.values("provider"), view.values("model")
    return (providers[0], models[0]) if len(providers) == len(models) == 1 else None


def content(ledger: Ledger, view: View, provider: str, model: str) -> Any:
    """The page of one model."""
    priced = priced_model(book_of(ledger), provider, model, now())
    back = dcc.Link("All prices", href=to_search(view.without("provider").without("model")), className="back")
    half = {"base": 12, "lg": 6}
    return page(
        f"Prices of {priced.provider}/{priced.model}",
        question(view, ledger.zone, ("requests",)),
        [
            back,
            html.Div(price_parts(view), id="price-shown"),
            dmc.Grid(
                [
                    dmc.GridCol(_form(priced, ledger, view), span=half),
                    dmc.GridCol(lazy_part(terms_and_aliases, view, 160), span=half),
                ],
                gutter="md",
            ),
            html.Div(row_parts(view), id="price-rows-shown"),
        ],
    )


def price_parts(view: View) -> list[Any]:
    """The price history and the current prices, renewed when a price is set."""
    return [dmc.Stack([lazy_part(price_history, view), lazy_part(current_prices, view, 200)], gap="md")]


def row_parts(view: View) -> list[Any]:
    """The rows of the price book, renewed when a price is set."""
    return [lazy_part(price_rows, view, 160)]


def field_id(meter: str) -> str:
    """The id of the field for the price of a meter."""
    return f"price-{meter.replace('_', '-')}"


def set_message(points: Sequence[PricePoint], ledger: Ledger) -> Any:
    """The message after prices were set, with the command that reprices the calls since then."""
    first = points[0]
    assert first.valid_from is not None
    zone = ledger.zone.info
    prices = [
        f"{meter_name(point.meter)} {'taken back' if point.price is None else wording.price(point.price)}"
        for point in points
    ]
    day = wording.day_of(first.valid_from, zone)
    since = instant(first.valid_from).astimezone(zone).date().isoformat()
    command = f"tallybook reprice --provider {first.provider} --model {first.model} --from {since}"
    return [
        html.P(f"Set from {day} on: {', '.join(prices)} {first.currency} per million tokens."),
        html.P(
            ["New calls are priced with it. Those that are here keep their cost until ", html.Code(command)]
        ),
    ]


def _priced_model(ledger: Ledger, view: View) -> PricedModel:
    chosen = chosen_model(view)
    assert chosen is not None
    return priced_model(book_of(ledger), *chosen, now())


@registered_as("one_price:applying")
def current_prices(ledger: Ledger, view: View) -> Any:
    """The prices that apply now with their sources, a line for each tier and context band."""
    priced = _priced_model(ledger, view)
    if not priced.bands:
        reason = (priced.no_price or "")[:1].upper() + (priced.no_price or "")[1:]
        note = f"{reason}. Calls without a price are in no sum of money."
        return panel("Prices of now", [html.P(note, id="prices-now", className="note")])
    meters = [meter for meter in METERS if any(meter in band.rates for band in priced.bands)]
    units = {meter: _common_unit(meter, priced.bands) for meter in meters}
    return tables.table(
        "prices-now",
        f"Prices of now ({priced.bands[0].prices.currency})",
        ["Tier", "Source", "Valid from", *(_meter_head(meter, units[meter]) for meter in meters)],
        [_band_row(band, priced, meters, units, ledger.zone.info) for band in priced.bands],
        texts=3,
        remarks=_remarks(priced),
        width=min(320 + 110 * len(meters), 1100),
    )


def _common_unit(meter: str, bands: Sequence[Band]) -> str:
    """The unit of a meter's prices in all bands; empty where bands have different units."""
    units = {price_and_unit(meter, band.rates[meter])[1] for band in bands if meter in band.rates}
    return units.pop() if len(units) == 1 else ""


def _meter_head(meter: str, unit: str) -> Any:
    per = [html.Span(f" per {unit}", className="unit")] if unit else []
    return html.Span([meter_name(meter), *per])


def _band_row(
    band: Band, priced: PricedModel, meters: Sequence[str], units: Mapping[str, str], zone: tzinfo
) -> list[Any]:
    history = priced.histories[band.service_tier]
    since = next((stretch.start for stretch in history if stretch.covers(now())), None)
    texts = [
        f"{band.service_tier}{_band_text(band.above, marginal=band.marginal)}",
        ", ".join(band.origins),
        wording.NOTHING if since is None else wording.day_of(since, zone),
    ]
    prices = []
    for meter in meters:
        if meter not in band.rates:
            prices.append(wording.NOTHING)
            continue
        price, per = price_and_unit(meter, band.rates[meter])
        prices.append(wording.price(price) + ("" if units[meter] else f" per {per}"))
    return [*map(tables.Text, texts), *prices]


def _band_text(above: int, *, marginal: bool) -> str:
    """The lower limit of a context band; empty for the lowest band."""
    if not above:
        return ""
    return f", {'tokens' if marginal else 'calls'} above {wording.compact(above)}"


def tier_and_band(service_tier: str, above: int) -> str:
    """The suffix of a model's name for a price outside the standard tier or the lowest context band."""
    tier = "" if service_tier == "standard" else f", {service_tier}"
    return tier + _band_text(above, marginal=False)


def _remarks(priced: PricedModel) -> list[str]:
    """The rule that found the prices, and the terms that apply to the calls of all teams."""
    rules = list(dict.fromkeys(band.prices.rule for band in priced.bands))
    prices = priced.bands[0].prices
    remarks = [f"Found as {prices.provider}/{prices.model} ({', '.join(rules)})."]
    if any(band.above for band in priced.bands):
        remarks.append("Above: calls with more input tokens than that pay the prices of that line.")
    terms = list(dict.fromkeys(_term_name(term) for band in priced.bands for term in band.prices.terms))
    if terms:
        remarks.append(f"These are published prices; every call is charged with: {', '.join(terms)}.")
    return remarks


@registered_as("one_price:course")
def price_history(ledger: Ledger, view: View) -> Any:
    """The price history of the first tier, with a step at each change."""
    priced = _priced_model(ledger, view)
    tier = priced.tiers[0]
    stretches = priced.histories[tier]
    price_sets = [stretch.prices for stretch in stretches if isinstance(stretch.prices, PriceSet)]
    if not price_sets:
        return None
    zone = ledger.zone.info
    first, last = _ends(stretches, datetime.now(zone).date(), zone)
    meters = [meter for meter in USUAL if any(meter in prices.by_meter for prices in price_sets)]
    meters = meters or list(dict.fromkeys(meter for prices in price_sets for meter in prices.by_meter))
    lines = {meter_name(meter): _steps(meter, stretches, first, last, zone) for meter in meters}
    rate = next(prices.by_meter[meters[0]] for prices in price_sets if meters[0] in prices.by_meter)
    _, per = price_and_unit(meters[0], rate)
    tier_text = "" if tier == "standard" else f", tier {tier}"
    return chart(
        "price-history",
        f"Price history, per {per}{tier_text}",
        charts.step_lines(lines, (first, last), _source_changes(stretches, zone), price_sets[-1].currency),
        list(lines),
        items=[(text, None) for text in _history_texts(stretches, meters, zone)],
        height=charts.HEIGHT,
    )


def _ends(stretches: Sequence[Stretch], today: date, zone: tzinfo) -> tuple[date, date]:
    """The first and the last day of the chart: all steps and today, with room at both sides."""
    edges = [
        instant(stretch.start).astimezone(zone).date() for stretch in stretches if stretch.start is not None
    ]
    first, last = min(edges, default=today - _YEAR), max(today, *edges) if edges else today
    room = max((last - first) // 12, timedelta(days=5))
    return first - (room if edges else timedelta()), last + room


def _steps(meter: str, stretches: Sequence[Stretch], first: date, last: date, zone: tzinfo) -> list[Step]:
    line: list[Step] = []
    for stretch in stretches:
        rate = stretch.prices.by_meter.get(meter) if isinstance(stretch.prices, PriceSet) else None
        height = None if rate is None else price_and_unit(meter, rate)[0]
        at = first.isoformat() if stretch.start is None else _local_time(stretch.start, zone)
        if (
            line and line[-1].height is not None and height is None
        ):  # draw the line up to the end of its price
            line.append(Step(at, line[-1].height, line[-1].text, is_step=False))
        is_step = stretch.start is not None and (not line or line[-1].height != height)
        line.append(Step(at, height, _step_text(stretch, rate, meter, zone), is_step=is_step))
    return [*line, Step(last.isoformat(), line[-1].height, line[-1].text, is_step=False)]


def _step_text(stretch: Stretch, rate: Rate | None, meter: str, zone: tzinfo) -> str:
    prices, start = stretch.prices, stretch.start
    if rate is None or not isinstance(prices, PriceSet):
        return ""
    since = "as far back as prices go" if start is None else f"from {wording.day_of(start, zone)}"
    return f"{price_text(meter, rate, prices.currency)}, {since}, {rate.row or prices.origin}"


def _local_time(at: int, zone: tzinfo) -> str:
    return instant(at).astimezone(zone).replace(tzinfo=None).isoformat()


def _source_changes(stretches: Sequence[Stretch], zone: tzinfo) -> Mapping[str, str]:
    """The new source of the prices, by the local time at which the source changes."""
    changes: dict[str, str] = {}
    before: str | None = None
    for stretch in stretches:
        source = stretch.prices.source if isinstance(stretch.prices, PriceSet) else "no price"
        if before is not None and source != before and stretch.start is not None:
            changes[_local_time(stretch.start, zone)] = source
        before = source
    return changes


def _history_texts(stretches: Iterable[Stretch], meters: Sequence[str], zone: tzinfo) -> Iterator[str]:
    """The price history as text, a line for each stretch."""
    for stretch in stretches:
        prices = stretch.prices
        since = "First" if stretch.start is None else f"From {wording.day_of(stretch.start, zone)}"
        if not isinstance(prices, PriceSet):
            yield f"{since}: {prices.reason}"
            continue
        rates = prices.by_meter
        texts = [price_text(meter, rates[meter], prices.currency) for meter in meters if meter in rates]
        yield f"{since}: {', '.join(texts)} ({prices.origin})"


@registered_as("one_price:behind")
def terms_and_aliases(ledger: Ledger, view: View) -> Any:
    """The terms and aliases that concern the model."""
    priced = _priced_model(ledger, view)
    zone = ledger.zone.info
    lines = [(_term_name(term), _term_text(term, zone)) for term in priced.terms]
    if (alias := priced.alias) is not None:
        target = f"{alias.target_provider}/{alias.target_model}"
        lines.append(("Alias", f"means {target}, {_added_text(alias, zone)}"))
    lines += [
        ("Also called", f"{alias.provider}/{alias.model}, {_added_text(alias, zone)}")
        for alias in priced.other_names
    ]
    if not lines:
        note = (
            "No discount, mark-up or surcharge of a region concerns this model, "
            "and it has no other name here."
        )
        return panel("Terms and aliases", [html.P(note, id="terms", className="note")])
    items = [html.Div([html.Dt(label), html.Dd(value)], className="line") for label, value in lines]
    return panel("Terms and aliases", [html.Dl(items, className="lines", id="terms")])


def _term_name(term: Term) -> str:
    percent = (term.factor - 1) * 100
    label = {"discount": "Discount", "markup": "Mark-up", "region": "Region"}[term.kind]
    sign = "+" if percent > 0 else "-"
    return f"{label} {sign}{plain_decimal(abs(percent))}%"


def _term_text(term: Term, zone: tzinfo) -> str:
    conditions = [
        f"{name} {value}" for name in ("region", "team", "customer") if (value := getattr(term, name))
    ]
    if term.model != "*":
        models = f"of {term.provider}/{term.model}"
    else:
        models = f"of {term.provider}" if term.provider != "*" else "of all"
    span = _span_text(term.valid_from, term.valid_to, zone)
    parts = (models, *conditions, span, term.origin, _added_text(term, zone))
    return ", ".join(part for part in parts if part)


def _added_text(entry: Term | Alias, zone: tzinfo) -> str:
    return f"added {wording.day_of(entry.added_at, zone)} by {entry.added_by}" if entry.added_at else ""


def _span_text(start: int | None, end: int | None, zone: tzinfo) -> str:
    start_text = "" if start is None else f"from {wording.day_of(start, zone)}"
    end_text = "" if end is None else f"until {wording.day_of(end, zone)}"
    return f"{start_text} {end_text}".strip()


@registered_as("one_price:rows")
def price_rows(ledger: Ledger, view: View) -> Any:
    """The rows of the price book that concern the model, the newest first."""
    priced = _priced_model(ledger, view)
    zone = ledger.zone.info
    if not priced.points:
        note = "This ledger holds no price of its own of this model: what applies ships with the release."
        return panel("Rows of the price book", [html.P(note, id="price-rows", className="note")])
    more = len(priced.points) - SHOWN_ROWS
    return tables.table(
        "price-rows",
        "Rows of the price book",
        ("Row", "Model", "Meter", "Tier", "Valid", "Added", "By", "Edition", "Price", "Per"),
        [_point_row(point, zone) for point in priced.points[:SHOWN_ROWS]],
        texts=8,
        remarks=[f"{wording.number(more)} older rows are not shown; tallybook prices show lists them all"]
        if more > 0
        else [],
        width=1040,
    )


def _point_row(point: PricePoint, zone: tzinfo) -> list[Any]:
    tier = point.service_tier + _band_text(point.above, marginal=point.marginal)
    texts = [
        f"{point.source}#{point.number}",
        f"{point.provider}/{point.model}",
        meter_name(point.meter),
        f"{tier}, {point.hours}" if point.hours else tier,
        _span_text(point.valid_from, point.valid_to, zone) or "always",
        wording.day_of(point.added_at, zone),
        point.added_by,
        point.origin,
    ]
    if point.price is None:
        return [*map(tables.Text, texts), "taken back", ""]
    price, per = price_and_unit(point.meter, Rate(point.price, point.per))
    return [*map(tables.Text, texts), f"{wording.price(price)} {point.currency}", per]


def _form(priced: PricedModel, ledger: Ledger, view: View) -> Any:
    """The form that sets prices from a day on."""
    standard = next(
        (band for band in priced.bands if (band.service_tier, band.above) == ("standard", 0)), None
    )
    rates = standard.rates if standard else {}
    fields = [
        dmc.TextInput(
            id=field_id(meter),
            label=meter_name(meter),
            placeholder=plain_decimal(per_million(rates[meter])) if meter in rates else "not priced",
            attributes={"input": {"inputMode": "decimal", "autoComplete": "off"}},
        )
        for meter in FORM_METERS
    ]
    day = dmc.DatePickerInput(
        id="price-from",
        label="From",
        value=_first_day(priced, ledger, view),
        valueFormat=wording.day_format(),
        firstDayOfWeek=wording.first_weekday(),
    )
    currency = standard.prices.currency if standard else "USD"
    over = [html.P(_OVER_BANDS, className="note")] if any(band.above for band in priced.bands) else []
    note = (
        f"{currency} per million tokens, in the standard tier, for every call from that day on. "
        "What is left empty keeps its price; the word none takes it back."
    )
    return panel(
        "Set a price",
        [
            html.P(note, className="note"),
            *over,
            dmc.SimpleGrid([*fields, day], cols={"base": 2, "sm": 3}, spacing="sm", my="sm"),
            dmc.Group([dmc.Button("Set price", id="price-set")], gap="sm"),
            html.Div(id="price-said", role="status", className="note"),
            dcc.Store(id="price-of", data=[priced.provider, priced.model, currency]),
        ],
    )


def _first_day(priced: PricedModel, ledger: Ledger, view: View) -> str:
    """The suggested first day of a new price: today, or the first unpriced call's if no price applies."""
    zone = ledger.zone.info
    today = datetime.now(zone).date()
    if priced.bands:
        return today.isoformat()
    models = unpriced_models(ledger, question(view, ledger.zone, ("requests",)))
    days = [instant(model.first_at).astimezone(zone).date() for model in models]
    return min(days, default=today).isoformat()


def meter_name(meter: str) -> str:
    """The label of a meter."""
    return meter.removesuffix("_ms").replace("_", " ").capitalize()


def price_text(meter: str, rate: Rate, currency: str) -> str:
    """A price with its meter, currency and unit, as text."""
    price, per = price_and_unit(meter, rate)
    return f"{meter_name(meter)} {wording.price(price)} {currency} per {per}"


def price_and_unit(meter: str, rate: Rate) -> tuple[Decimal, str]:
    """A price in the unit that providers publish it in, and that unit."""
    unit = _UNITS.get(meter, "tokens")
    if unit == "ms" and rate.per in (_HOUR_MS, _SECOND_MS):
        return rate.price, "hour" if rate.per == _HOUR_MS else "second"
    if unit == "tokens":
        return per_million(rate), "1M tokens"
    if rate.per == 1:
        return rate.price, unit.removesuffix("es") if unit == "searches" else unit.removesuffix("s")
    return rate.price, f"{'1M' if rate.per == MILLION else wording.number(rate.per)} {unit}"
