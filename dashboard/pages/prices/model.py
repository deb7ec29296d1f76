"""One model's prices: what applies now and why, how that came about, every row behind it, and a form for a new one."""

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
from ingest.pricing.history import Stretch
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import METERS, PriceSet, Rate
from ingest.pricing.terms import Term

SHOWN_ROWS: Final = 50
FORM: Final = ("input", "output", "cache_read", "cache_write")
"""The meters that the form sets."""
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


def chosen(view: View) -> tuple[str, str] | None:
    """The only provider and the only model that a view is about."""
    providers, models = view.values("provider"), view.values("model")
    return (providers[0], models[0]) if len(providers) == len(models) == 1 else None


def content(ledger: Ledger, view: View, provider: str, model: str) -> Any:
    """The page of one model."""
    found = priced_model(book_of(ledger), provider, model, now())
    back = dcc.Link("All prices", href=to_search(view.without("provider").without("model")), className="back")
    half = {"base": 12, "lg": 6}
    return page(
        f"Prices of {found.provider}/{found.model}",
        question(view, ledger.zone, ("requests",)),
        [
            back,
            html.Div(shown(view), id="price-shown"),
            dmc.Grid(
                [
                    dmc.GridCol(_form(found, ledger, view), span=half),
                    dmc.GridCol(lazy_part(behind, view, 160), span=half),
                ],
                gutter="md",
            ),
            html.Div(shown_rows(view), id="price-rows-shown"),
        ],
    )


def shown(view: View) -> list[Any]:
    """What changes when a price is set."""
    return [dmc.Stack([lazy_part(course, view), lazy_part(applying, view, 200)], gap="md")]


def shown_rows(view: View) -> list[Any]:
    """The rows of the book, which also change then."""
    return [lazy_part(rows, view, 160)]


def field_id(meter: str) -> str:
    """The id of the field in which the price of a meter is typed."""
    return f"price-{meter.replace('_', '-')}"


def was_set(points: Sequence[PricePoint], ledger: Ledger) -> Any:
    """What was set, and how the calls since then get these prices."""
    first = points[0]
    assert first.valid_from is not None
    zone = ledger.zone.info
    told = [
        f"{meter_name(one.meter)} {'taken back' if one.price is None else wording.price(one.price)}"
        for one in points
    ]
    day = wording.day_of(first.valid_from, zone)
    since = instant(first.valid_from).astimezone(zone).date().isoformat()
    command = f"tallybook reprice --provider {first.provider} --model {first.model} --from {since}"
    return [
        html.P(f"Set from {day} on: {', '.join(told)} {first.currency} per million tokens."),
        html.P(
            ["New calls are priced with it. Those that are here keep their cost until ", html.Code(command)]
        ),
    ]


def _found(ledger: Ledger, view: View) -> PricedModel:
    one = chosen(view)
    assert one is not None
    return priced_model(book_of(ledger), *one, now())


@registered_as("one_price:applying")
def applying(ledger: Ledger, view: View) -> Any:
    """The prices that apply now, a line for each tier and context band, with where they are from."""
    found = _found(ledger, view)
    if not found.bands:
        reason = (found.no_price or "")[:1].upper() + (found.no_price or "")[1:]
        words = f"{reason}. Calls without a price are in no sum of money."
        return panel("Prices of now", [html.P(words, id="prices-now", className="note")])
    meters = [one for one in METERS if any(one in band.rates for band in found.bands)]
    units = {one: _unit(one, found.bands) for one in meters}
    return tables.table(
        "prices-now",
        f"Prices of now ({found.bands[0].prices.currency})",
        ["Tier", "Source", "Valid from", *(_meter_head(one, units[one]) for one in meters)],
        [_band_row(one, found, meters, units, ledger.zone.info) for one in found.bands],
        texts=3,
        remarks=_remarks(found),
        width=min(320 + 110 * len(meters), 1100),
    )


def _unit(meter: str, bands: Sequence[Band]) -> str:
    """What the prices of a meter are for; where they differ, each says it by itself."""
    units = {priced_per(meter, band.rates[meter])[1] for band in bands if meter in band.rates}
    return units.pop() if len(units) == 1 else ""


def _meter_head(meter: str, unit: str) -> Any:
    per = [html.Span(f" per {unit}", className="unit")] if unit else []
    return html.Span([meter_name(meter), *per])


def _band_row(
    band: Band, found: PricedModel, meters: Sequence[str], units: Mapping[str, str], zone: tzinfo
) -> list[Any]:
    since = next((one.start for one in found.histories[band.service_tier] if one.covers(now())), None)
    texts = [
        f"{band.service_tier}{_above(band.above, marginal=band.marginal)}",
        ", ".join(band.origins),
        wording.NOTHING if since is None else wording.day_of(since, zone),
    ]
    prices = []
    for meter in meters:
        if meter not in band.rates:
            prices.append(wording.NOTHING)
            continue
        price, per = priced_per(meter, band.rates[meter])
        prices.append(wording.price(price) + ("" if units[meter] else f" per {per}"))
    return [*map(tables.Text, texts), *prices]


def _above(above: int, *, marginal: bool) -> str:
    if not above:
        return ""
    return f", {'tokens' if marginal else 'calls'} above {wording.compact(above)}"


def band_of(service_tier: str, above: int) -> str:
    """What a price is of where it is not of every call, behind the name of a model."""
    tier = "" if service_tier == "standard" else f", {service_tier}"
    return tier + _above(above, marginal=False)


def _remarks(found: PricedModel) -> list[str]:
    """The rule that led to the prices, and the terms that apply to everybody's calls."""
    rules = list(dict.fromkeys(one.prices.rule for one in found.bands))
    prices = found.bands[0].prices
    told = [f"Found as {prices.provider}/{prices.model} ({', '.join(rules)})."]
    if any(one.above for one in found.bands):
        told.append("Above: calls with more input tokens than that pay the prices of that line.")
    terms = list(dict.fromkeys(_term_name(term) for one in found.bands for term in one.prices.terms))
    if terms:
        told.append(f"These are published prices; every call is charged with: {', '.join(terms)}.")
    return told


@registered_as("one_price:course")
def course(ledger: Ledger, view: View) -> Any:
    """The prices through time, a step wherever one changes."""
    found = _found(ledger, view)
    tier = found.tiers[0]
    stretches = found.histories[tier]
    priced = [one.prices for one in stretches if isinstance(one.prices, PriceSet)]
    if not priced:
        return None
    zone = ledger.zone.info
    first, last = _ends(stretches, datetime.now(zone).date(), zone)
    meters = [one for one in USUAL if any(one in prices.by_meter for prices in priced)]
    meters = meters or list(dict.fromkeys(one for prices in priced for one in prices.by_meter))
    lines = {meter_name(meter): _steps(meter, stretches, first, last, zone) for meter in meters}
    per = priced_per(meters[0], next(one.by_meter[meters[0]] for one in priced if meters[0] in one.by_meter))[
        1
    ]
    of_tier = "" if tier == "standard" else f", tier {tier}"
    return chart(
        "price-history",
        f"Price history, per {per}{of_tier}",
        charts.step_lines(lines, (first, last), _changes(stretches, zone), priced[-1].currency),
        list(lines),
        items=[(text, None) for text in _in_words(stretches, meters, zone)],
        height=charts.HEIGHT,
    )


def _ends(stretches: Sequence[Stretch], today: date, zone: tzinfo) -> tuple[date, date]:
    """The days that the chart shows: all steps, today, and some room at both sides."""
    edges = [instant(one.start).astimezone(zone).date() for one in stretches if one.start is not None]
    first, last = min(edges, default=today - _YEAR), max(today, *edges) if edges else today
    room = max((last - first) // 12, timedelta(days=5))
    return first - (room if edges else timedelta()), last + room


def _steps(meter: str, stretches: Sequence[Stretch], first: date, last: date, zone: tzinfo) -> list[Step]:
    line: list[Step] = []
    for one in stretches:
        rate = one.prices.by_meter.get(meter) if isinstance(one.prices, PriceSet) else None
        height = None if rate is None else priced_per(meter, rate)[0]
        at = first.isoformat() if one.start is None else _local(one.start, zone)
        if line and line[-1].height is not None and height is None:  # a line reaches to where its price ends
            line.append(Step(at, line[-1].height, line[-1].text, is_step=False))
        is_step = one.start is not None and (not line or line[-1].height != height)
        line.append(Step(at, height, _told(one, rate, meter, zone), is_step=is_step))
    return [*line, Step(last.isoformat(), line[-1].height, line[-1].text, is_step=False)]


def _told(one: Stretch, rate: Rate | None, meter: str, zone: tzinfo) -> str:
    if rate is None or not isinstance(one.prices, PriceSet):
        return ""
    since = "as far back as prices go" if one.start is None else f"from {wording.day_of(one.start, zone)}"
    return f"{priced(meter, rate, one.prices.currency)}, {since}, {rate.row or one.prices.origin}"


def _local(at: int, zone: tzinfo) -> str:
    return instant(at).astimezone(zone).replace(tzinfo=None).isoformat()


def _changes(stretches: Sequence[Stretch], zone: tzinfo) -> Mapping[str, str]:
    """Where another source gives the prices than before."""
    found: dict[str, str] = {}
    before: str | None = None
    for one in stretches:
        source = one.prices.source if isinstance(one.prices, PriceSet) else "no price"
        if before is not None and source != before and one.start is not None:
            found[_local(one.start, zone)] = source
        before = source
    return found


def _in_words(stretches: Iterable[Stretch], meters: Sequence[str], zone: tzinfo) -> Iterator[str]:
    for one in stretches:
        since = "First" if one.start is None else f"From {wording.day_of(one.start, zone)}"
        if not isinstance(one.prices, PriceSet):
            yield f"{since}: {one.prices.reason}"
            continue
        rates = one.prices.by_meter
        told = [priced(meter, rates[meter], one.prices.currency) for meter in meters if meter in rates]
        yield f"{since}: {', '.join(told)} ({one.prices.origin})"


@registered_as("one_price:behind")
def behind(ledger: Ledger, view: View) -> Any:
    """Terms and aliases that concern the model."""
    found = _found(ledger, view)
    zone = ledger.zone.info
    lines = [(_term_name(one), _term_told(one, zone)) for one in found.terms]
    if found.alias is not None:
        lines.append(
            (
                "Alias",
                f"means {found.alias.target_provider}/{found.alias.target_model}, {_added(found.alias, zone)}",
            )
        )
    lines += [
        ("Also called", f"{one.provider}/{one.model}, {_added(one, zone)}") for one in found.other_names
    ]
    if not lines:
        words = "No discount, mark-up or surcharge of a region concerns this model, and it has no other name here."
        return panel("Terms and aliases", [html.P(words, id="terms", className="note")])
    listed = [html.Div([html.Dt(label), html.Dd(value)], className="line") for label, value in lines]
    return panel("Terms and aliases", [html.Dl(listed, className="lines", id="terms")])


def _term_name(one: Term) -> str:
    percent = (one.factor - 1) * 100
    named = {"discount": "Discount", "markup": "Mark-up", "region": "Region"}[one.kind]
    sign = "+" if percent > 0 else "-"
    return f"{named} {sign}{plain_decimal(abs(percent))}%"


def _term_told(one: Term, zone: tzinfo) -> str:
    whom = [f"{name} {value}" for name in ("region", "team", "customer") if (value := getattr(one, name))]
    of = (
        f"of {one.provider}/{one.model}"
        if one.model != "*"
        else f"of {one.provider}"
        if one.provider != "*"
        else "of all"
    )
    span = _span(one.valid_from, one.valid_to, zone)
    return ", ".join(part for part in (of, *whom, span, one.origin, _added(one, zone)) if part)


def _added(one: Any, zone: tzinfo) -> str:
    return f"added {wording.day_of(one.added_at, zone)} by {one.added_by}" if one.added_at else ""


def _span(start: int | None, end: int | None, zone: tzinfo) -> str:
    begun = "" if start is None else f"from {wording.day_of(start, zone)}"
    ended = "" if end is None else f"until {wording.day_of(end, zone)}"
    return f"{begun} {ended}".strip()


@registered_as("one_price:rows")
def rows(ledger: Ledger, view: View) -> Any:
    """Every row of the ledger that has a say, the newest first."""
    found = _found(ledger, view)
    zone = ledger.zone.info
    if not found.points:
        words = "This ledger holds no price of its own of this model: what applies ships with the release."
        return panel("Rows of the price book", [html.P(words, id="price-rows", className="note")])
    more = len(found.points) - SHOWN_ROWS
    return tables.table(
        "price-rows",
        "Rows of the price book",
        ("Row", "Model", "Meter", "Tier", "Valid", "Added", "By", "Edition", "Price", "Per"),
        [_point_row(one, zone) for one in found.points[:SHOWN_ROWS]],
        texts=8,
        remarks=[f"{wording.number(more)} older rows are not shown; tallybook prices show lists them all"]
        if more > 0
        else [],
        width=1040,
    )


def _point_row(one: PricePoint, zone: tzinfo) -> list[Any]:
    texts = [
        f"{one.source}#{one.number}",
        f"{one.provider}/{one.model}",
        meter_name(one.meter),
        ", ".join(
            [one.service_tier + _above(one.above, marginal=one.marginal), *([one.hours] if one.hours else [])]
        ),
        _span(one.valid_from, one.valid_to, zone) or "always",
        wording.day_of(one.added_at, zone),
        one.added_by,
        one.origin,
    ]
    if one.price is None:
        return [*map(tables.Text, texts), "taken back", ""]
    price, per = priced_per(one.meter, Rate(one.price, one.per))
    return [*map(tables.Text, texts), f"{wording.price(price)} {one.currency}", per]


def _form(found: PricedModel, ledger: Ledger, view: View) -> Any:
    """Where somebody sets a price from a day on."""
    standing = next((one for one in found.bands if (one.service_tier, one.above) == ("standard", 0)), None)
    rates = standing.rates if standing else {}
    fields = [
        dmc.TextInput(
            id=field_id(meter),
            label=meter_name(meter),
            placeholder=plain_decimal(per_million(rates[meter])) if meter in rates else "not priced",
            attributes={"input": {"inputMode": "decimal", "autoComplete": "off"}},
        )
        for meter in FORM
    ]
    day = dmc.DatePickerInput(
        id="price-from",
        label="From",
        value=_first_day(found, ledger, view),
        valueFormat=wording.day_format(),
        firstDayOfWeek=wording.first_weekday(),
    )
    currency = standing.prices.currency if standing else "USD"
    over = [html.P(_OVER_BANDS, className="note")] if any(one.above for one in found.bands) else []
    told = f"{currency} per million tokens, in the standard tier, for every call from that day on. What is left empty keeps its price; the word none takes it back."
    return panel(
        "Set a price",
        [
            html.P(told, className="note"),
            *over,
            dmc.SimpleGrid([*fields, day], cols={"base": 2, "sm": 3}, spacing="sm", my="sm"),
            dmc.Group([dmc.Button("Set price", id="price-set")], gap="sm"),
            html.Div(id="price-said", role="status", className="note"),
            dcc.Store(id="price-of", data=[found.provider, found.model, currency]),
        ],
    )


def _first_day(found: PricedModel, ledger: Ledger, view: View) -> str:
    """Since when a price that is set holds, if nobody says otherwise: today, or since the first call without one."""
    zone = ledger.zone.info
    today = datetime.now(zone).date()
    if found.bands:
        return today.isoformat()
    waiting = unpriced_models(ledger, question(view, ledger.zone, ("requests",)))
    days = [instant(one.first_at).astimezone(zone).date() for one in waiting]
    return min(days, default=today).isoformat()


def meter_name(meter: str) -> str:
    """A meter as people call it."""
    return meter.removesuffix("_ms").replace("_", " ").capitalize()


def priced(meter: str, rate: Rate, currency: str) -> str:
    """A price in a sentence."""
    price, per = priced_per(meter, rate)
    return f"{meter_name(meter)} {wording.price(price)} {currency} per {per}"


def priced_per(meter: str, rate: Rate) -> tuple[Decimal, str]:
    """A price as it is published, and what it is for."""
    unit = _UNITS.get(meter, "tokens")
    if unit == "ms" and rate.per in (_HOUR_MS, _SECOND_MS):
        return rate.price, "hour" if rate.per == _HOUR_MS else "second"
    if unit == "tokens":
        return per_million(rate), "1M tokens"
    if rate.per == 1:
        return rate.price, unit.removesuffix("es") if unit == "searches" else unit.removesuffix("s")
    return rate.price, f"{'1M' if rate.per == MILLION else wording.number(rate.per)} {unit}"
