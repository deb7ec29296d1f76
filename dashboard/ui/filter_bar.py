"""The filter bar of all pages: controls that show and change the view in the URL."""

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard.directory import names
from dashboard.formatting import format as wording
from dashboard.query import catalogue, labels
from dashboard.query.question import ALL_TIME, INTERVALS, Filter, SpendQuery
from dashboard.query.row_access import access_filters
from dashboard.query.run import run
from dashboard.ui.view import DIMENSIONS, PRESETS, View
from ingest.ledger.engine import Ledger
from ingest.model.flags import FLAGS

CONTROLS: Final = ("preset", "dates", "interval", *DIMENSIONS)
"""The controls, in the order in which callbacks receive and return their values."""
_SHOWN_OPTIONS: Final = 60
_CACHE_SECONDS: Final = 60
_DIRECTORY_KINDS: Final = ("team", "virtual_key")

Option = dict[str, str]


def control_id(name: str) -> str:
    """The id of a control."""
    return f"filter-{name.replace('_', '-')}"


def bar() -> Any:
    """The controls, without their options, which are loaded later."""
    presets = [{"value": key, "label": label} for key, label in PRESETS.items()]
    intervals = [
        {"value": "", "label": "Any interval"},
        *({"value": key, "label": f"By {key}"} for key in INTERVALS),
    ]
    period = [
        dmc.Box(
            dmc.SegmentedControl(id=control_id("preset"), data=presets, value="", size="sm"),
            className="presets",
        ),
        dmc.DatePickerInput(
            id=control_id("dates"),
            type="range",
            valueFormat=wording.day_format(),
            placeholder="Other dates",
            allowSingleDateInRange=True,
            firstDayOfWeek=wording.first_weekday(),
            w=212,
        ),
        dmc.Select(
            id=control_id("interval"),
            data=intervals,
            value="",
            allowDeselect=False,
            size="sm",
            w=138,
            **{"aria-label": "Interval"},
        ),
    ]
    selects = [_select(key) for key in DIMENSIONS]
    return dmc.Stack(
        [
            dmc.Group(period, gap=8),
            dmc.SimpleGrid(selects, cols={"base": 7, "sm": 4, "lg": 7}, spacing="sm", className="selects"),
        ],
        gap="sm",
        id="filter-bar",
    )


def _select(key: str) -> Any:
    return dmc.MultiSelect(
        id=control_id(key),
        label=catalogue.DIMENSIONS[key].label,
        placeholder="All",
        data=[],
        value=[],
        searchable=True,
        hidePickedOptions=True,
        limit=_SHOWN_OPTIONS,
        nothingFoundMessage="Nothing found",
        size="sm",
    )


def values_of(view: View) -> list[Any]:
    """The controls' values for a view."""
    dates = [view.first, view.last] if view.first and view.last else None
    return [view.preset or "", dates, view.interval or "", *(view.values(key) for key in DIMENSIONS)]


def view_of(values: Sequence[Any], changed: str | None, before: View) -> View | None:
    """The view that the controls show after one of them has changed; None while only one date is picked."""
    preset, dates, interval, *selected = values
    first, last = before.first, before.last
    if changed == control_id("preset") and preset:
        first = last = None
    elif changed == control_id("dates"):
        days = [str(day)[:10] for day in dates or [] if day]
        if len(days) == 1:
            return None
        first, last = (days[0], days[1]) if days else (None, None)
    has_dates = bool(first and last)
    return View(
        preset=None if has_dates else (preset or before.preset or View().preset),
        first=first,
        last=last,
        interval=interval or None,
        filters=tuple(
            (key, value) for key, values in zip(DIMENSIONS, selected, strict=True) for value in values or []
        ),
        search=before.search,
        what_if=before.what_if,
    )


def options(ledger: Ledger, view: View) -> list[list[Option]]:
    """The options of each dimension: all values in the ledger that the caller may see, and those of the view.

    A control drops a selected value that is not among its options. The value of a team or a key is its id.
    """
    stored = _stored_options(ledger)
    return [_with_selected(stored[key], view.values(key)) for key in DIMENSIONS]


def _with_selected(options: list[Option], selected: Sequence[str]) -> list[Option]:
    offered = {option["value"] for option in options}
    return [*options, *({"value": value, "label": value} for value in selected if value not in offered)]


def _stored_options(ledger: Ledger) -> dict[str, list[Option]]:
    values = _stored_values(ledger, access_filters(), int(time.monotonic() / _CACHE_SECONDS))
    values = {**values, "flag": sorted(FLAGS)}
    options = {key: [{"value": text, "label": text} for text in texts] for key, texts in values.items()}
    visible = names.visible_entries(ledger)
    with ledger.reading() as connection:
        for kind in _DIRECTORY_KINDS:
            options[kind] = [
                {"value": entry.ident, "label": entry.shown}
                for entry in labels.named_entries(connection, kind)
                if visible is None or entry.entry_id in visible
            ]
    return options


@lru_cache(maxsize=32)
def _stored_values(ledger: Ledger, _row_limits: Sequence[Filter], _minute: int) -> dict[str, list[str]]:
    """The providers, models and so on in the ledger, cached by minute: the query reads all of its rollups."""
    dimensions = tuple(key for key in DIMENSIONS if key not in {*_DIRECTORY_KINDS, "flag"})
    result = run(ledger, SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), dimensions))
    return {
        key: sorted({str(row.key[at]) for row in result.rows if row.key[at] is not None})
        for at, key in enumerate(dimensions)
    }
