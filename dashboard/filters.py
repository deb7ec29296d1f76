"""What a page shows, as a value: read from the URL, written to the URL, turned into questions.

The URL holds everything, so that a page can be shared, reloaded and gone back to. What is not understood in a URL is
left out, never an error: links live long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from dashboard.question import (
    INTERVALS,
    REPORTING,
    Period,
    QuestionError,
    SpendQuery,
    Words,
    parse,
    read_moment,
)
from ingest.model.zone import Zone

DIMENSIONS: Final = ("provider", "model", "team", "virtual_key", "status", "request_type")
"""What the filter bar filters on."""
CHANGES: Final = ("to_provider", "to_model", "tier", "cache_hit_rate", "prices_at", "by")
"""What the page What if prices the calls as, in the words of `dashboard.whatif`."""
PRESETS: Final = {
    "today": "Today",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "month": "This month",
    "last-month": "Last month",
}
DEFAULT_PRESET: Final = "30d"
_LONGEST_SEARCH: Final = 200
_DAYS: Final = {"today": 1, "7d": 7, "30d": 30, "90d": 90}


@dataclass(frozen=True)
class View:
    """The state of a page: a preset period or two dates (the last one included), an interval, and filters."""

    preset: str | None = DEFAULT_PRESET
    first: str | None = None
    last: str | None = None
    interval: str | None = None
    filters: tuple[tuple[str, str], ...] = ()
    request: str | None = None
    """The call that is shown in detail, over the page."""
    search: str = ""
    """Words that are searched for, on a page that has a field for them."""
    change: tuple[tuple[str, str], ...] = ()
    """What is different on the page What if, by the names of `CHANGES`."""

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension that count; none for all."""
        return [value for key, value in self.filters if key == dimension]

    @property
    def page(self) -> "View":
        """The view without what is laid over the page."""
        return replace(self, request=None)

    def narrowed(self, dimension: str, value: str) -> "View":
        """The view of one value of a dimension."""
        kept = [one for one in self.filters if one[0] != dimension]
        ordered = sorted((*kept, (dimension, value)), key=lambda one: DIMENSIONS.index(one[0]))
        return replace(self.page, filters=tuple(ordered))

    def without(self, dimension: str) -> "View":
        """The view of all values of a dimension."""
        return replace(self.page, filters=tuple(one for one in self.filters if one[0] != dimension))


def only(view: View, *named: tuple[str, object]) -> str:
    """The query part of the URL of the view of one value of each dimension; what has no value is left as it is."""
    for dimension, value in named:
        if value is not None:
            view = view.narrowed(dimension, str(value))
    return to_search(view)


def from_search(search: str | None) -> View:
    """The view that the query part of a URL names."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl((search or "").removeprefix("?")):
        if "\0" in value:  # which PostgreSQL holds in no text
            continue
        found.setdefault(name, []).append(value)
    first, last = _day(found.get("from")), _day(found.get("to"))
    dated = first is not None and last is not None and first <= last
    preset = found.get("period", [DEFAULT_PRESET])[0]
    interval = found.get("interval", [""])[0]
    return View(
        preset=None if dated else preset if preset in PRESETS else DEFAULT_PRESET,
        first=first if dated else None,
        last=last if dated else None,
        interval=interval if interval in INTERVALS else None,
        filters=tuple((key, value) for key in DIMENSIONS for value in dict.fromkeys(found.get(key, []))),
        request=_event_id(found.get("request", [""])[0]),
        search=found.get("search", [""])[0].strip()[:_LONGEST_SEARCH],
        change=tuple((key, found[key][0]) for key in CHANGES if found.get(key)),
    )


def to_search(view: View) -> str:
    """The query part of the URL that names the view; nothing for the view that comes by itself."""
    pairs: list[tuple[str, str]] = []
    if view.first and view.last:
        pairs += [("from", view.first), ("to", view.last)]
    elif view.preset and view.preset != DEFAULT_PRESET:
        pairs.append(("period", view.preset))
    if view.interval:
        pairs.append(("interval", view.interval))
    pairs += [*view.filters, *view.change]
    if view.search:
        pairs.append(("search", view.search))
    if view.request:
        pairs.append(("request", view.request))
    return f"?{urlencode(pairs)}" if pairs else ""


def dates(view: View, zone: Zone, now: datetime) -> tuple[date, date]:
    """The first and the last day of the view."""
    if view.first and view.last:
        return date.fromisoformat(view.first), date.fromisoformat(view.last)
    today = now.astimezone(zone.info).date()
    month = today.replace(day=1)
    if view.preset == "month":
        return month, today
    if view.preset == "last-month":
        return (month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)
    return today - timedelta(days=_DAYS[view.preset or DEFAULT_PRESET] - 1), today


def question(
    view: View,
    zone: Zone,
    metrics: Iterable[str],
    by: Sequence[str] = (),
    *,
    compare: bool = False,
    now: datetime | None = None,
) -> SpendQuery:
    """The question that a page asks about the view.

    Raises:
        QuestionError: the view cannot be asked about, such as hours of many years.
    """
    moment = now or datetime.now(UTC)
    first, last = dates(view, zone, moment)
    words = Words(
        by=by,
        metric=list(metrics),
        start=first.isoformat(),
        end=(last + timedelta(days=1)).isoformat(),
        interval=view.interval if "time" in by else None,
        where=[f"{key}={value}" for key, value in view.filters],
        compare="previous" if compare else None,
    )
    asked = parse(words, zone, moment)
    comparison = _as_far(asked.period, asked.comparison, moment)
    return replace(asked, comparison=comparison, currency=REPORTING)


def _as_far(period: Period, before: Period | None, now: datetime) -> Period | None:
    """The period before, as far as the period has come: half a month is not compared with a whole one."""
    if before is None or not period.start < now < period.end:
        return before
    return Period(before.start, min(before.end, before.start + (now - period.start)))


def _day(texts: list[str] | None) -> str | None:
    """The date that is written, if it is one."""
    try:
        text = (texts or [""])[0][:10]
        read_moment("from", text, Zone("UTC"))
    except QuestionError:
        return None
    return text


def _event_id(text: str) -> str | None:
    """The id of a call that is written, if it is one."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def within_bucket(view: View, bucket: str, interval: str | None, zone: Zone, now: datetime) -> View:
    """The view of the days of one time bucket, as far as the view holds them."""
    if not interval:
        return view.page
    start = date.fromisoformat(f"{bucket}-01" if len(bucket) == len("2026-10") else bucket[:10])
    end = start
    if interval == "week":
        end = start + timedelta(days=6)
    elif interval == "month":
        end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    first, last = dates(view, zone, now)
    first, last = max(first, start), min(last, end)
    if first > last:
        return view.page
    return replace(view.page, preset=None, first=first.isoformat(), last=last.isoformat(), interval=None)
