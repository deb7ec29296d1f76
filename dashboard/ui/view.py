"""The view of a page as a value: read from the URL, written to the URL, turned into questions.

The URL holds the whole state of a page, so that a page can be shared and reloaded, and the browser can go
back to it. A part of a URL that is not understood is left out and is no error: links live long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from dashboard.query.question import (
    INTERVALS,
    REPORTING,
    Period,
    QuestionError,
    QuestionText,
    SpendQuery,
    parse,
    read_moment,
)
from ingest.model.zone import Zone

DIMENSIONS: Final = ("provider", "model", "team", "virtual_key", "status", "request_type", "flag")
"""The dimensions of the filter bar."""
WHAT_IF_OPTIONS: Final = ("to_provider", "to_model", "tier", "cache_hit_rate", "prices_at", "by")
"""The options of the page What if, named as in `dashboard.whatif.whatif`."""
PRESETS: Final = {
    "today": "Today",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "month": "This month",
    "last-month": "Last month",
}
DEFAULT_PRESET: Final = "30d"
_MAX_SEARCH_LENGTH: Final = 200
_PRESET_DAYS: Final = {"today": 1, "7d": 7, "30d": 30, "90d": 90}


@dataclass(frozen=True)
class View:
    """The state of a page: a preset period or two dates (the last one included), an interval, and filters."""

    preset: str | None = DEFAULT_PRESET
    first: str | None = None
    last: str | None = None
    interval: str | None = None
    filters: tuple[tuple[str, str], ...] = ()
    request: str | None = None
    """The id of the call whose details lie over the page."""
    search: str = ""
    """The text in the search field of a page that has one."""
    adjustment: str = ""
    """The number of the adjustment that the page Chargeback opens."""
    what_if: tuple[tuple[str, str], ...] = ()
    """The options of the page What if that are set, by the names of `WHAT_IF_OPTIONS`."""

    def values(self, dimension: str) -> list[str]:
        """The values that a dimension is filtered on; none if all count."""
        return [value for key, value in self.filters if key == dimension]

    @property
    def page(self) -> "View":
        """The view without the details of a call."""
        return replace(self, request=None)

    def narrowed(self, dimension: str, value: str) -> "View":
        """The view filtered on one value of a dimension."""
        filters = (*self.without(dimension).filters, (dimension, value))
        ordered = sorted(filters, key=lambda pair: DIMENSIONS.index(pair[0]))
        return replace(self.page, filters=tuple(ordered))

    def without(self, dimension: str) -> "View":
        """The view without a filter on a dimension."""
        return replace(self.page, filters=tuple(pair for pair in self.filters if pair[0] != dimension))


def narrowed_search(view: View, *pairs: tuple[str, object]) -> str:
    """The URL's query part of the view filtered on one value by dimension; None leaves a filter as it is."""
    for dimension, value in pairs:
        if value is not None:
            view = view.narrowed(dimension, str(value))
    return to_search(view)


def from_search(search: str | None) -> View:
    """The view that the query part of a URL names."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl((search or "").removeprefix("?")):
        if "\0" in value:  # PostgreSQL stores no text with NUL
            continue
        values.setdefault(name, []).append(value)
    first, last = _day(values.get("from")), _day(values.get("to"))
    has_dates = first is not None and last is not None and first <= last
    preset = values.get("period", [DEFAULT_PRESET])[0]
    interval = values.get("interval", [""])[0]
    return View(
        preset=None if has_dates else preset if preset in PRESETS else DEFAULT_PRESET,
        first=first if has_dates else None,
        last=last if has_dates else None,
        interval=interval if interval in INTERVALS else None,
        filters=tuple((key, value) for key in DIMENSIONS for value in dict.fromkeys(values.get(key, []))),
        request=_event_id(values.get("request", [""])[0]),
        search=values.get("search", [""])[0].strip()[:_MAX_SEARCH_LENGTH],
        adjustment=values.get("adjustment", [""])[0].strip()[:_MAX_SEARCH_LENGTH],
        what_if=tuple((key, values[key][0]) for key in WHAT_IF_OPTIONS if values.get(key)),
    )


def to_search(view: View) -> str:
    """The query part of the URL that names the view; an empty text for the default view."""
    pairs: list[tuple[str, str]] = []
    if view.first and view.last:
        pairs += [("from", view.first), ("to", view.last)]
    elif view.preset and view.preset != DEFAULT_PRESET:
        pairs.append(("period", view.preset))
    if view.interval:
        pairs.append(("interval", view.interval))
    pairs += [*view.filters, *view.what_if]
    if view.search:
        pairs.append(("search", view.search))
    if view.adjustment:
        pairs.append(("adjustment", view.adjustment))
    if view.request:
        pairs.append(("request", view.request))
    return f"?{urlencode(pairs)}" if pairs else ""


def date_range(view: View, zone: Zone, now: datetime) -> tuple[date, date]:
    """The first and the last day of the view, both included."""
    if view.first and view.last:
        return date.fromisoformat(view.first), date.fromisoformat(view.last)
    today = now.astimezone(zone.info).date()
    month = today.replace(day=1)
    if view.preset == "month":
        return month, today
    if view.preset == "last-month":
        return (month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)
    return today - timedelta(days=_PRESET_DAYS[view.preset or DEFAULT_PRESET] - 1), today


def question(
    view: View,
    zone: Zone,
    metrics: Iterable[str],
    by: Sequence[str] = (),
    *,
    compare: bool = False,
    now: datetime | None = None,
) -> SpendQuery:
    """The question whose answer a page shows for the view.

    Raises:
        QuestionError: the question cannot be answered, such as hours of many years.
    """
    now = now or datetime.now(UTC)
    first, last = date_range(view, zone, now)
    words = QuestionText(
        by=by,
        metric=list(metrics),
        start=first.isoformat(),
        end=(last + timedelta(days=1)).isoformat(),
        interval=view.interval if "time" in by else None,
        where=[f"{key}={value}" for key, value in view.filters],
        compare="previous" if compare else None,
    )
    query = parse(words, zone, now)
    comparison = _comparable(query.period, query.comparison, now)
    return replace(query, comparison=comparison, currency=REPORTING)


def _comparable(period: Period, previous: Period | None, now: datetime) -> Period | None:
    """The previous period, cut to the time that a running period has lasted so far."""
    if previous is None or not period.start < now < period.end:
        return previous
    return Period(previous.start, min(previous.end, previous.start + (now - period.start)))


def _day(texts: list[str] | None) -> str | None:
    """The first of the texts if it is a date."""
    try:
        text = (texts or [""])[0][:10]
        read_moment("from", text, Zone("UTC"))
    except QuestionError:
        return None
    return text


def _event_id(text: str) -> str | None:
    """The text as the id of a call, if it is one."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def within_bucket(view: View, bucket: str, interval: str | None, zone: Zone, now: datetime) -> View:
    """The view narrowed to the days of one time bucket; the view itself if none of these days is in it."""
    if not interval:
        return view.page
    start = date.fromisoformat(f"{bucket}-01" if len(bucket) == len("2026-10") else bucket[:10])
    end = start
    if interval == "week":
        end = start + timedelta(days=6)
    elif interval == "month":
        end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    first, last = date_range(view, zone, now)
    first, last = max(first, start), min(last, end)
    if first > last:
        return view.page
    return replace(view.page, preset=None, first=first.isoformat(), last=last.isoformat(), interval=None)
