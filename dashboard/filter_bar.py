"""The filter bar that all pages share: controls whose state is the URL's."""

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard import catalogue, names, people, wording
from dashboard.filters import DIMENSIONS, PRESETS, View
from dashboard.limits import limits
from dashboard.question import ALL_TIME, INTERVALS, Filter, SpendQuery
from dashboard.runner import run
from ingest.ledger.engine import Ledger

CONTROLS: Final = ("preset", "dates", "interval", *DIMENSIONS)
"""The controls, in the order in which callbacks take and give their values."""
_SHOWN_OPTIONS: Final = 60
_KEPT_SECONDS: Final = 60
_PEOPLE: Final = ("team", "virtual_key")

Option = dict[str, str]


def control_id(name: str) -> str:
    """The id of a control."""
    return f"filter-{name.replace('_', '-')}"


def bar() -> Any:
    """The controls, still without their options."""
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
            dmc.SimpleGrid(selects, cols={"base": 6, "sm": 3, "lg": 6}, spacing="sm", className="selects"),
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
    """The view that the controls show after one of them has changed; None while only one date is chosen."""
    preset, dates, interval, *chosen = values
    first, last = before.first, before.last
    if changed == control_id("preset") and preset:
        first = last = None
    elif changed == control_id("dates"):
        picked = [str(day)[:10] for day in dates or [] if day]
        if len(picked) == 1:
            return None
        first, last = (picked[0], picked[1]) if picked else (None, None)
    dated = bool(first and last)
    return View(
        preset=None if dated else (preset or before.preset or View().preset),
        first=first,
        last=last,
        interval=interval or None,
        filters=tuple(
            (key, value) for key, picked in zip(DIMENSIONS, chosen, strict=True) for value in picked or []
        ),
        search=before.search,
        change=before.change,
    )


def options(ledger: Ledger, view: View) -> list[list[Option]]:
    """What can be chosen for each dimension: all that the ledger holds, and what the view has chosen already.

    A control drops a chosen value that it cannot find among its options. Teams and keys are chosen by their id.
    """
    return [
        _with_chosen(found, view.values(key)) for key, found in zip(DIMENSIONS, _held(ledger), strict=True)
    ]


def _with_chosen(found: list[Option], chosen: Sequence[str]) -> list[Option]:
    held = {option["value"] for option in found}
    return [*found, *({"value": value, "label": value} for value in chosen if value not in held)]


def _held(ledger: Ledger) -> list[list[Option]]:
    terms = _terms_held(ledger, limits(), int(time.monotonic() / _KEPT_SECONDS))
    options = {key: [{"value": one, "label": one} for one in found] for key, found in terms.items()}
    seen = people.seen(ledger)
    with ledger.reading() as connection:
        for kind in _PEOPLE:
            options[kind] = [
                {"value": one.ident, "label": one.shown}
                for one in names.entries(connection, kind)
                if seen is None or one.entry_id in seen
            ]
    return [options[key] for key in DIMENSIONS]


@lru_cache(maxsize=32)
def _terms_held(ledger: Ledger, _seen: Sequence[Filter], _while: int) -> dict[str, list[str]]:
    """The providers, models and so on that the ledger holds, asked for once in a while: it is all of it that is read."""
    terms = tuple(key for key in DIMENSIONS if key not in _PEOPLE)
    result = run(ledger, SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), terms))
    return {
        key: sorted({str(row.key[at]) for row in result.rows if row.key[at] is not None})
        for at, key in enumerate(terms)
    }
