"""`tallybook prices list`, `show`: the price book as tables, JSON and CSV."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard import prices, unpriced
from dashboard.answer import plain, write_csv
from dashboard.priced_model import PricedModel, priced_model
from dashboard.prices import Line, PriceList, PricesQuery
from dashboard.question import QuestionError, Words, parse, read_moment
from dashboard.unpriced import UnpricedModel
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.types import micros
from ingest.pricing.conflicts import Conflict
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.pricing.terms import Term
from ingest.settings import Settings

WELL: Final = 0
FAILED: Final = 1
USAGE: Final = 2

_CONFLICT_COLUMNS: Final = (
    "provider",
    "model",
    "service_tier",
    "above_input_tokens",
    "meter",
    "source",
    "price",
    "per",
    "spread",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `prices list` was asked for."""

    search: str
    provider: str | None
    model: str | None
    at: str | None
    conflicts: bool
    unpriced: bool
    start: str | None
    """Of the period whose calls are counted."""
    end: str | None
    limit: int | None
    form: str


def list_(asked: Asked) -> int:
    """Print the price list, or where sources disagree; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            query = _query(asked, ledger)
        except QuestionError as error:
            return _wrong(str(error))
        if asked.unpriced:
            _print_unpriced(asked, unpriced.unpriced(ledger, query.used)[: asked.limit])
            return WELL
        if asked.conflicts:
            _print_conflicts(asked, _conflicts(ledger, query))
            return WELL
        found = prices.listed(ledger, query)
        match asked.form:
            case "json":
                sys.stdout.write(json.dumps(prices.as_json(found), indent=2) + "\n")
            case "csv":
                sys.stdout.write(prices.as_csv(found, ledger.currency))
            case _:
                _print_list(found)
    return WELL


def show(provider: str, model: str, at: str | None, *, as_json: bool) -> int:
    """Print all that the book says of one model; the exit code, 1 where that is nothing."""
    with open_ledger(Settings()) as ledger:
        try:
            moment = _moment(at, ledger)
        except QuestionError as error:
            return _wrong(str(error))
        found = priced_model(prices.book_of(ledger), provider, model, moment)
    if as_json:
        sys.stdout.write(json.dumps(_model_json(found), indent=2) + "\n")
    else:
        _print_model(found)
    return WELL if found.bands or found.points else FAILED


def _query(asked: Asked, ledger: Ledger) -> PricesQuery:
    now = datetime.now(UTC)
    return PricesQuery(
        at=_moment(asked.at, ledger),
        used=parse(Words(start=asked.start, end=asked.end), ledger.zone, now),
        search=asked.search,
        providers=(asked.provider,) if asked.provider else (),
        models=(asked.model,) if asked.model else (),
        limit=asked.limit,
    )


def _moment(text: str | None, ledger: Ledger) -> int:
    return prices.now() if text is None else micros(read_moment("--at", text, ledger.zone))


def _print_list(found: PriceList) -> None:
    out = Console()
    table = Table(box=None, pad_edge=False)
    table.add_column("model", overflow="fold")
    for name in ("input", "output", "cache read", "cache write"):
        table.add_column(name, justify="right")
    for name in ("other", "from", "calls"):
        table.add_column(name, justify="right" if name == "calls" else "left", overflow="fold")
    for one in found.lines:
        table.add_row(*map(escape, _cells(one)))
    out.print(table)
    more = (
        f", {found.in_all - len(found.lines):,} more; --limit shows them"
        if found.in_all > len(found.lines)
        else ""
    )
    out.print(
        f"{len(found.lines):,} models{more}; per million tokens; calls of the last 30 days",
        style="dim",
        highlight=False,
    )


def _cells(one: Line) -> Iterator[str]:
    tier = "" if one.name.service_tier == "standard" else f" ({one.name.service_tier})"
    yield f"{one.name.provider}/{one.name.model}{tier}"
    if not isinstance(one.prices, PriceSet):
        yield from ("", "", "", "", one.prices.reason, "")
    else:
        rates = one.prices.by_meter
        for meter in prices.USUAL:
            yield plain(prices.per_million(rates[meter])) if meter in rates else ""
        others = [f"{meter} {rate}" for meter, rate in rates.items() if meter not in prices.USUAL]
        currency = [] if one.prices.currency == "USD" else [f"in {one.prices.currency}"]
        bands = [] if one.higher is None else [f"dearer above {one.higher.above_input_tokens:,}"]
        yield "; ".join([*currency, *bands, *others])
        yield one.prices.source
    yield f"{one.use.requests:,}" if one.use.requests else ""


def _conflicts(ledger: Ledger, query: PricesQuery) -> list[Conflict]:
    """Conflicts about models that the query is about, of those that are called most first."""
    words = query.search.lower().split()
    found = prices.disagreements(prices.book_of(ledger), query.at, prices.used(ledger, query.used))
    kept = [
        one
        for one in found
        if (not query.providers or one.provider in query.providers)
        and (not query.models or one.model in query.models)
        and all(word in f"{one.provider}/{one.model} {one.service_tier}" for word in words)
    ]
    return kept[: query.limit]


def _print_conflicts(asked: Asked, found: list[Conflict]) -> None:
    if asked.form == "json":
        sys.stdout.write(json.dumps({"conflicts": [_conflict_json(one) for one in found]}, indent=2) + "\n")
        return
    if asked.form == "csv":
        sys.stdout.write(write_csv(_CONFLICT_COLUMNS, _conflict_rows(found)))
        return
    out = Console()
    if not found:
        out.print("no two sources disagree by more than 1%", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "meter", "prices, the one that counts first", "apart"):
        table.add_column(name, justify="right" if name == "apart" else "left", overflow="fold")
    for one in found:
        said = ", ".join(f"{source} {_readable(rate)}" for source, rate in one.prices.items())
        table.add_row(*map(escape, (_called(one), one.meter, said, f"{(one.spread * 100).normalize():f}%")))
    out.print(table)
    out.print(
        f"{len(found):,} conflicts; TALLYBOOK_PRICE_SOURCES says whom to trust first",
        style="dim",
        highlight=False,
    )


def _print_unpriced(asked: Asked, found: list[UnpricedModel]) -> None:
    if asked.form == "json":
        sys.stdout.write(json.dumps(unpriced.as_json(found), indent=2) + "\n")
        return
    if asked.form == "csv":
        sys.stdout.write(unpriced.as_csv(found))
        return
    out = Console()
    if not found:
        out.print("every call of the period has a price, or costs nothing", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "why", "calls", "tokens", "first seen", "last seen"):
        is_count = name in ("calls", "tokens")
        table.add_column(name, justify="right" if is_count else "left", overflow="fold")
    for one in found:
        counts = (f"{count:,}" for count in (one.requests, one.tokens))
        seen = ((prices.moment(at) or "")[:10] for at in (one.first_at, one.last_at))
        table.add_row(*map(escape, (f"{one.provider}/{one.model}", one.reason, *counts, *seen)))
    out.print(table)
    if way := next((one.how_to_price for one in found if one.how_to_price), None):
        out.print(f"\n{way}\ntallybook reprice --only-unpriced", highlight=False, soft_wrap=True)


def _called(one: Conflict) -> str:
    tier = "" if one.service_tier == "standard" else f" ({one.service_tier})"
    band = f" above {one.above:,}" if one.above else ""
    return f"{one.provider}/{one.model}{tier}{band}"


def _readable(rate: Rate) -> str:
    return f"{plain(rate.price)} per {rate.per:,}"


def _conflict_json(one: Conflict) -> dict[str, Any]:
    said = [
        {"source": source, "price": plain(rate.price), "per": rate.per} for source, rate in one.prices.items()
    ]
    return {
        "provider": one.provider,
        "model": one.model,
        "service_tier": one.service_tier,
        "above_input_tokens": one.above,
        "meter": one.meter,
        "prices": said,
        "spread": plain(one.spread),
    }


def _conflict_rows(found: Iterable[Conflict]) -> Iterator[list[Any]]:
    for one in found:
        for source, rate in one.prices.items():
            about = [one.provider, one.model, one.service_tier, one.above, one.meter]
            yield [*about, source, rate.price, rate.per, one.spread]


def _model_json(found: PricedModel) -> dict[str, Any]:
    return {
        "provider": found.provider,
        "model": found.model,
        "service_tiers": list(found.tiers),
        "no_price": found.no_price,
        "alias_of": None
        if found.alias is None
        else f"{found.alias.target_provider}/{found.alias.target_model}",
        "other_names": [f"{one.provider}/{one.model}" for one in found.other_names],
        "prices": [
            {
                "service_tier": one.service_tier,
                "above_input_tokens": one.above,
                "marginal": one.marginal,
                "currency": one.prices.currency,
                "rule": one.prices.rule,
                "origin": one.prices.origin,
                "rates": {
                    meter: {"price": plain(rate.price), "per": rate.per, "row": rate.row or None}
                    for meter, rate in one.rates.items()
                },
            }
            for one in found.bands
        ],
        "terms": [_term_json(one) for one in found.terms],
        "rows": [_row_json(one) for one in found.points],
        "history": {
            tier: [
                {
                    "from": prices.moment(one.start),
                    "to": prices.moment(one.end),
                    "prices": {meter: str(rate) for meter, rate in one.prices.by_meter.items()}
                    if isinstance(one.prices, PriceSet)
                    else None,
                }
                for one in stretches
            ]
            for tier, stretches in found.histories.items()
        },
    }


def _term_json(one: Term) -> dict[str, Any]:
    return {
        "number": one.number or None,
        "kind": one.kind,
        "factor": plain(one.factor),
        "provider": one.provider,
        "model": one.model,
        "region": one.region,
        "team": one.team,
        "customer": one.customer,
        "valid_from": prices.moment(one.valid_from),
        "valid_to": prices.moment(one.valid_to),
        "note": one.origin,
        "added_by": one.added_by,
    }


def _row_json(one: PricePoint) -> dict[str, Any]:
    return {
        "row": f"{one.source}#{one.number}",
        "meter": one.meter,
        "price": None if one.price is None else plain(one.price),
        "per": one.per,
        "currency": one.currency,
        "service_tier": one.service_tier,
        "above_input_tokens": one.above,
        "valid_from": prices.moment(one.valid_from),
        "valid_to": prices.moment(one.valid_to),
        "origin": one.origin,
        "added_at": prices.moment(one.added_at),
        "added_by": one.added_by,
    }


def _print_model(found: PricedModel) -> None:
    out = Console()

    def say(text: str) -> None:
        out.print(escape(text), highlight=False, soft_wrap=True)

    say(f"{found.provider}/{found.model}")
    if found.alias is not None:
        say(f"is priced as {found.alias.target_provider}/{found.alias.target_model}")
    if found.no_price is not None:
        say(found.no_price)
    for band in found.bands:
        above = (
            f", {'units' if band.marginal else 'calls'} above {band.above:,} input tokens"
            if band.above
            else ""
        )
        say(f"\n{band.service_tier}{above} ({band.prices.origin}; found by the rule: {band.prices.rule})")
        table = Table(box=None, pad_edge=False, show_header=False)
        for meter, rate in band.rates.items():
            table.add_row(meter, f"{_readable(rate)} {band.prices.currency}", rate.row)
        out.print(table)
    for term in found.terms:
        say(f"\n{_term_words(term)}")
    if found.points:
        say("\nrows, the newest first")
        out.print(_rows_table(found.points))


def _term_words(one: Term) -> str:
    whose = [
        f"{kind} {name}"
        for kind, name in (("region", one.region), ("team", one.team), ("customer", one.customer))
        if name
    ]
    when = _validity(one.valid_from, one.valid_to)
    return " ".join(
        [f"{one.kind}: times {plain(one.factor)}", *(["for", *whose] if whose else []), when]
    ).strip()


def _validity(start: int | None, end: int | None) -> str:
    edges = [("from", start), ("to", end)]
    return " ".join(f"{word} {prices.moment(at)}" for word, at in edges if at is not None)


def _rows_table(points: Iterable[PricePoint]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("row", "meter", "price", "valid", "added", "by"):
        table.add_column(name, overflow="fold")
    for one in points:
        price = "none" if one.price is None else f"{plain(one.price)} {one.currency} per {one.per:,}"
        valid = _validity(one.valid_from, one.valid_to) or "always"
        added = (prices.moment(one.added_at) or "")[:16]
        cells = (f"{one.source}#{one.number}", _metered(one), price, valid, added, one.added_by)
        table.add_row(*map(escape, cells))
    return table


def _metered(one: PricePoint) -> str:
    """The meter, and the tier, band and hours that the price is for."""
    units = "units" if one.marginal else "calls"
    about = [
        *([one.service_tier] if one.service_tier != "standard" else []),
        *([f"{units} above {one.above:,}"] if one.above else []),
        *([one.hours] if one.hours else []),
    ]
    return f"{one.meter} ({', '.join(about)})" if about else one.meter


def _wrong(message: str) -> int:
    sys.stderr.write(f"tallybook: {message}\n")
    return USAGE
