"""The view of a page: from the URL, to the URL, and as a question."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.query.question import INTERVALS, Filter
from dashboard.ui.filter_bar import CONTROLS, control_id, values_of, view_of
from dashboard.ui.view import DIMENSIONS, PRESETS, View, date_range, from_search, question, to_search
from ingest.model.zone import Zone

BERLIN = Zone("Europe/Berlin")
NOW = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
"""Already the 6th in Berlin."""

filters = st.lists(
    st.tuples(
        st.sampled_from(DIMENSIONS),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    ),
    unique=True,
).map(lambda pairs: tuple(sorted(pairs, key=lambda pair: DIMENSIONS.index(pair[0]))))
views = st.builds(
    View, preset=st.sampled_from(list(PRESETS)), interval=st.sampled_from([None, *INTERVALS]), filters=filters
)


@given(views)
def test_a_view_survives_the_url(view: View) -> None:
    assert from_search(to_search(view)) == view


def test_dates_stand_before_a_preset() -> None:
    view = from_search("?period=7d&from=2026-10-01&to=2026-10-31")
    assert view == View(preset=None, first="2026-10-01", last="2026-10-31")
    assert from_search(to_search(view)) == view


@pytest.mark.parametrize(
    "search",
    [
        "",
        None,
        "?",
        "?period=ever&interval=year&colour=red",
        "?from=soon&to=2026-10-01",
        "?from=2026-10-02&to=2026-10-01",
    ],
)
def test_what_is_not_understood_is_left_out(search: str | None) -> None:
    assert from_search(search) == View()
    assert to_search(View()) == ""


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        ("today", date(2026, 11, 6), date(2026, 11, 6)),
        ("7d", date(2026, 10, 31), date(2026, 11, 6)),
        ("90d", date(2026, 8, 9), date(2026, 11, 6)),
        ("month", date(2026, 11, 1), date(2026, 11, 6)),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31)),
    ],
)
def test_presets_count_days_of_the_ledgers_zone(preset: str, first: date, last: date) -> None:
    assert date_range(View(preset=preset), BERLIN, NOW) == (first, last)


def test_a_view_asks_for_its_days_the_last_one_included() -> None:
    view = View(preset="last-month", interval="week", filters=(("model", "a=b"), ("model", "c")))
    query = question(view, BERLIN, ["total_cost"], ["time", "team"], now=NOW)
    assert query.period.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert query.period.end == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert (query.interval, query.filters) == ("week", (Filter("model", ("a=b", "c")),))
    assert question(view, BERLIN, ["total_cost"], now=NOW).interval is None


@given(views)
def test_controls_show_the_view_and_give_it_back(view: View) -> None:
    assert view_of(values_of(view), control_id("model"), view) == view


def change(view: View, control: str, value: object) -> View | None:
    values = values_of(view)
    values[CONTROLS.index(control)] = value
    return view_of(values, control_id(control), view)


def test_a_preset_takes_the_place_of_dates_and_dates_that_of_a_preset() -> None:
    dated = View(preset=None, first="2026-10-01", last="2026-10-02", filters=(("model", "a"),))
    assert change(dated, "preset", "7d") == View(preset="7d", filters=(("model", "a"),))
    assert change(View(), "dates", ["2026-10-01", "2026-10-02T00:00:00"]) == View(
        None, "2026-10-01", "2026-10-02"
    )
    assert change(View(), "dates", ["2026-10-01", None]) is None
    assert change(dated, "interval", "hour") == View(
        None, "2026-10-01", "2026-10-02", "hour", (("model", "a"),)
    )
