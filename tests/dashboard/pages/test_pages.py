"""Pages, the read API, CSV and plain SQL over the events: one question, one answer, to the last digit."""

import csv
import io
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.calls import api as calls_api
from dashboard.calls.calls import LISTED_FIELDS, list_calls, read_call
from dashboard.calls.store import CallsQuery
from dashboard.directory import names as people
from dashboard.formatting import format as wording
from dashboard.pages import PAGES, PARTS, models, page_at
from dashboard.pages.requests import detail
from dashboard.pages.requests import page as requests
from dashboard.prices import api as prices_api
from dashboard.prices.explanation import explain
from dashboard.query.rewrite import rewrite
from dashboard.query.run import run
from dashboard.spend import api as spend_api
from dashboard.ui.clicks import view_of_chart_click, view_of_selected_call
from dashboard.ui.components import PART, registered_as
from dashboard.ui.links import spend_csv
from dashboard.ui.series import top_rows
from dashboard.ui.spend_chart import spend_series
from dashboard.ui.view import DIMENSIONS, View, from_search, question, to_search
from dashboard.whatif import api as whatif_api
from ingest.http import problems
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.zone import Zone
from ingest.pricing.book import Book
from ingest.pricing.charge import COMPONENTS
from tests.support.calls import a_ledger, call, put

SEED = 20_261_123
NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)
METRICS = ("total_cost", "requests", "errors", "input_tokens", "output_tokens", "unpriced_requests")
BY = ("model", "provider", "virtual_key", "status", "request_type")
QUESTIONS = 30


def some_calls(chance: random.Random) -> list[Any]:
    return [
        call(
            (datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(60 * 86_400))).isoformat(),
            None if chance.random() < 0.1 else chance.randrange(10**12),
            model=chance.choice(("gpt-4o", "claude", "grok", "=cmd")),
            provider=chance.choice(("openai", "anthropic")),
            virtual_key=chance.choice(("vk-1", "vk-2", "sk-bf-0123456789abcdef")),
            team=chance.choice(("search", "sales", None)),
            status=chance.choice(("success", "success", "success", "error", "cancelled")),
            request_type=chance.choice(("chat_completion", "embedding")),
            cache_hit=chance.random() < 0.2,
            flags=chance.choice((None, None, "cost_far_off", "part_dropped")),
            input_tokens=chance.randrange(10_000),
            output_tokens=chance.randrange(1_000),
            latency_us=chance.randrange(1, 10**8),
        )
        for _ in range(1_500)
    ]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Calls of two months, most of them summed, the last ones not yet."""
    with a_ledger(Path(tmp_path_factory.mktemp("pages")), zone="Europe/Berlin") as opened:
        made = some_calls(random.Random(SEED))
        put(opened, made[:1_400])
        roll(opened)
        put(opened, made[1_400:], first=1_400)
        yield opened


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> TestClient:
    app = FastAPI()
    problems.install(app)
    for module in (spend_api, calls_api, prices_api, whatif_api):
        app.include_router(module.make_router(ledger))
    app.include_router(prices_api.make_costs_router(ledger))
    return TestClient(app)


def views() -> list[View]:
    """Random views: a range of days and up to two filters."""
    chance = random.Random(SEED)
    values = {
        "provider": ("openai", "anthropic"),
        "model": ("gpt-4o", "claude", "grok", "nobody's"),
        "team": ("search", "nobody"),
        "virtual_key": ("vk-1", "vk-2"),
        "status": ("success", "error", "cancelled"),
        "request_type": ("chat_completion", "embedding"),
        "flag": ("cost_far_off", "part_dropped"),
    }
    views = []
    for _ in range(QUESTIONS):
        first = datetime(2026, 9, 1, tzinfo=UTC).date() + timedelta(days=chance.randrange(50))
        last = first + timedelta(days=chance.randrange(25))
        filters = [
            (key, value)
            for key in chance.sample(DIMENSIONS, chance.randrange(3))
            for value in chance.sample(values[key], chance.randrange(1, 3))
        ]
        ordered = tuple(sorted(filters, key=lambda pair: DIMENSIONS.index(pair[0])))
        views.append(View(None, first.isoformat(), last.isoformat(), None, ordered))
    return views


def plain_sql(ledger: Ledger, view: View, dimension: str) -> dict[Any, tuple[Any, ...]]:
    """The answer to the same question in plain SQL over events."""
    column = "coalesce(d.given_name, d.name, d.hint, d.ident)" if dimension == "virtual_key" else "g.text"
    joins = {
        name: f"JOIN term {name} ON {name}.term_id = e.{name}_id" for name in BY if name != "virtual_key"
    }
    zone = ledger.zone.info
    start = datetime.fromisoformat(view.first or "").replace(tzinfo=zone)
    end = datetime.fromisoformat(view.last or "").replace(tzinfo=zone) + timedelta(days=1)
    where, values = [], [int(start.timestamp()) * 10**6, int(end.timestamp()) * 10**6]
    for key in {key for key, _ in view.filters}:
        wanted = view.values(key)
        held = {"virtual_key": "d.ident", "team": "team.ident"}.get(key, f"{key}.text")
        where.append(f"AND {held} IN ({','.join('?' * len(wanted))})")
        values += wanted  # type: ignore[arg-type]
    select = f"""
        SELECT {column.replace("g.text", f"{dimension}.text")}, sum(e.total_cost), count(*), sum(status.text = 'error'),
            sum(e.input_tokens), sum(e.output_tokens), sum(e.total_cost IS NULL)
        FROM usage_event e {" ".join(joins.values())}
        JOIN attribution a ON a.attribution_id = e.attribution_id
        JOIN directory d ON d.entry_id = a.virtual_key_id
        LEFT JOIN term flag ON flag.term_id = e.flags_id
        LEFT JOIN directory team ON team.entry_id = a.team_id
        WHERE e.occurred_at >= ? AND e.occurred_at < ? {" ".join(where)} GROUP BY 1"""
    with closing(sqlite3.connect(str(ledger.engine.url.database))) as connection:
        rows = connection.execute(select, values).fetchall()
    return {key: (Decimal(cost or 0).scaleb(-12), *counts) for key, cost, *counts in rows}


@pytest.mark.parametrize(("view", "dimension"), [(view, BY[at % len(BY)]) for at, view in enumerate(views())])
def test_page_api_csv_and_sql_agree(ledger: Ledger, client: TestClient, view: View, dimension: str) -> None:
    expected = plain_sql(ledger, view, dimension)
    result = run(ledger, question(view, ledger.zone, METRICS, (dimension,)))
    assert {row.key[0]: row.values for row in result.rows} == expected

    link = spend_csv(result.query)
    response = client.get(link.replace("format=csv", "format=json")).json()
    json_rows = {
        row[dimension]: tuple(
            Decimal(row[metric]) if metric == "total_cost" else row[metric] for metric in METRICS
        )
        for row in response["rows"]
    }
    assert json_rows == expected
    assert Decimal(response["totals"]["total_cost"]) == sum((row[0] for row in expected.values()), Decimal())
    assert response["unpriced_requests"] == sum(row[-1] for row in expected.values())

    lines = list(csv.DictReader(io.StringIO(client.get(link).text)))
    csv_rows = {
        line[dimension].removeprefix("'"): tuple(
            Decimal(line[metric]) if metric == "total_cost" else int(line[metric]) for metric in METRICS
        )
        for line in lines
    }
    assert csv_rows == expected

    page_texts = texts(page_at("").content(ledger, view)) if expected else []  # type: ignore[union-attr]
    total = sum((row[0] for row in expected.values()), Decimal())
    assert not expected or wording.amount(total, "USD") in page_texts


def test_no_two_parts_have_one_name() -> None:
    with pytest.raises(ValueError, match="two parts of pages are named overview:spend"):
        registered_as("overview:spend")(lambda *_: None)


def parts(component: Any) -> Iterator[Any]:
    """A component and everything in it."""
    yield component
    children = getattr(component, "children", None)
    for child in children if isinstance(children, list | tuple) else [children]:
        if child is not None:
            yield from parts(child)


def whole(page: Any, ledger: Ledger, view: View) -> list[Any]:
    """All components of a page, with the parts that a browser requests once the page is shown."""
    components = list(parts(page.content(ledger, view)))
    ids = [component.id for component in components if isinstance(getattr(component, "id", None), dict)]
    names = [part_id["name"] for part_id in ids if part_id["type"] == PART]
    return [*components, *(child for name in names for child in parts(PARTS[name][1](ledger, view)))]


def texts(component: Any) -> list[str]:
    return [part for part in parts(component) if isinstance(part, str)]


FILTERED = [page for page in PAGES if page.is_filtered]


@pytest.mark.parametrize("page", FILTERED, ids=[page.title for page in FILTERED])
def test_every_csv_link_of_a_page_leads_to_the_same_question(
    ledger: Ledger, client: TestClient, page: Any
) -> None:
    view = from_search("?from=2026-09-10&to=2026-10-20&status=success")
    links = [part.href for part in whole(page, ledger, view) if getattr(part, "className", None) == "csv"]
    assert links
    for link in links:
        found = client.get(link)
        assert (found.status_code, found.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert found.headers["content-disposition"].startswith("attachment; filename=")
        assert "status=success" in parse_qs(urlsplit(link).query)["where"]


def test_the_csv_of_requests_holds_every_call_once(ledger: Ledger, client: TestClient) -> None:
    found = client.get("/v1/requests?format=csv&from=2026-09-01&to=2026-11-02")
    lines = list(csv.DictReader(io.StringIO(found.text)))
    assert (len(lines), len({line["event_id"] for line in lines})) == (1_500, 1_500)
    assert found.text.splitlines()[0] == ",".join(LISTED_FIELDS)
    assert sum(Decimal(line["total_cost"] or 0) for line in lines) == plain_total(ledger)


def plain_total(ledger: Ledger) -> Decimal:
    with closing(sqlite3.connect(str(ledger.engine.url.database))) as connection:
        return Decimal(connection.execute("SELECT sum(total_cost) FROM usage_event").fetchone()[0]).scaleb(
            -12
        )


@pytest.mark.parametrize("call_of", ["/v1/spend", "/v1/requests"])
def test_a_format_that_does_not_exist_is_refused(client: TestClient, call_of: str) -> None:
    found = client.get(f"{call_of}?format=xlsx")
    assert (found.status_code, found.json()["code"]) == (422, "unknown_format")


def test_the_list_of_calls_is_that_of_the_api(ledger: Ledger) -> None:
    search = "?from=2026-09-01&to=2026-10-31"
    rows: list[str] = []
    cursors: requests.Cursors = {}
    count = None
    while count is None:
        block = requests.block(ledger, search, len(rows), cursors)
        rows += [row["id"] for row in block.rows]
        cursors, count = block.cursors, block.count
    period = question(from_search(search), ledger.zone, ("requests",)).period
    expected = [
        one["event_id"]
        for size in (1_000,)
        for one in _all(ledger, CallsQuery(period.start, period.end, limit=size))
    ]
    assert (count, rows) == (len(expected), expected)
    # A page in the middle is reached through those before it.
    assert [row["id"] for row in requests.block(ledger, search, 300, {}).rows] == rows[300:400]


def _all(ledger: Ledger, query: CallsQuery) -> list[dict[str, Any]]:
    from dataclasses import replace

    from dashboard.calls.calls import read_cursor

    page = list_calls(ledger, query)
    if page.next_cursor is None:
        return [*page.calls]
    return [*page.calls, *_all(ledger, replace(query, after=read_cursor(page.next_cursor)))]


def test_the_parts_of_a_call_add_up_to_its_total(ledger: Ledger, book: Book) -> None:
    for one in list_calls(ledger, CallsQuery(limit=200)).calls:
        full = read_call(ledger, _uuid(one["event_id"]))
        cost = explain(ledger, _uuid(one["event_id"]), book)
        assert full is not None
        assert cost is not None
        shown = texts(detail.detail(full, cost, ledger.zone.info, ledger.zone.name))
        if full["total_cost"] is None:
            assert "unpriced: no price" in shown
        else:
            components = [Decimal(full[name]) for name in COMPONENTS if full[name] is not None]
            assert sum(components, Decimal()) == Decimal(full["total_cost"])
            assert f"{full['total_cost']} {full['currency']}" in shown
        assert not any("0123456789" in text for text in shown)


def _uuid(text: str) -> Any:
    from uuid import UUID

    return UUID(text)


def test_the_parts_of_a_models_spend_add_up(ledger: Ledger) -> None:
    metrics = (
        "total_cost",
        "input_cost",
        "output_cost",
        "reasoning_cost",
        "search_cost",
        "citation_cost",
        "request_cost",
    )
    view = View(None, "2026-09-01", "2026-10-31")
    result = run(ledger, question(view, ledger.zone, metrics, ("model",)))
    made_of = models.composition(result, result.rows)
    assert [sum(values, Decimal()) for values in zip(*made_of.values(), strict=True)] == [
        row.values[0] for row in result.rows
    ]


BERLIN = Zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("bucket", "interval", "first", "last"),
    [
        ("2026-10-07", "day", "2026-10-07", "2026-10-07"),
        ("2026-10-05", "week", "2026-10-05", "2026-10-11"),
        ("2026-09-28", "week", "2026-10-01", "2026-10-04"),
        ("2026-10", "month", "2026-10-01", "2026-10-31"),
        ("2026-10-07T13:00:00+02:00", "hour", "2026-10-07", "2026-10-07"),
    ],
)
def test_a_click_on_a_bar_of_time_shows_its_days(bucket: str, interval: str, first: str, last: str) -> None:
    view = View(preset="month", filters=(("model", "a"),), interval="day")
    chart = {"dimension": "time", "interval": interval}
    assert view_of_chart_click(view, chart, {"points": [{"x": bucket}]}, BERLIN, NOW) == View(
        None, first, last, None, (("model", "a"),)
    )


def test_a_click_on_a_bar_of_a_key_shows_that_key() -> None:
    clicked = {"points": [{"customdata": ["Search", "vk-1"]}]}
    view = View(filters=(("virtual_key", "vk-2"), ("status", "error")))
    found = view_of_chart_click(view, {"dimension": "virtual_key"}, clicked, BERLIN, NOW)
    assert found == View(filters=(("virtual_key", "vk-1"), ("status", "error")))
    nobody = {"points": [{"customdata": ["no key", None]}]}
    assert view_of_chart_click(view, {"dimension": "virtual_key"}, nobody, BERLIN, NOW) is None
    assert view_of_chart_click(view, {"dimension": "virtual_key"}, None, BERLIN, NOW) is None


def test_a_chosen_call_is_part_of_the_url() -> None:
    chosen = "c7eec86c-9ab6-6383-f9e3-e017b1a5b649"
    view = view_of_selected_call(View(preset="7d"), [{"id": chosen}])
    assert view is not None
    assert to_search(view) == f"?period=7d&request={chosen}"
    assert from_search(to_search(view)) == view
    assert view.page == View(preset="7d")
    assert from_search("?request=nonsense") == View()
    assert view_of_selected_call(View(), []) is None


def test_a_key_is_found_by_what_a_filter_calls_it(ledger: Ledger) -> None:
    secret = people.by_name(ledger, "virtual_key")["sk-bf-…cdef"]
    assert people.known_as(ledger, "virtual_key", secret.ident) == secret
    assert people.known_as(ledger, "virtual_key", "sk-bf-…cdef") == secret
    assert people.known_as(ledger, "virtual_key", "nobody") is None


CURRENCIES = [
    call("2026-10-05T10:00:00Z", 10**12, model="gpt-4o", provider="openai", input_tokens=10),
    *(
        call(f"2026-10-06T{hour:02}:00:00Z", 5 * 10**12, model="mistral", provider="mistral", currency="EUR")
        for hour in range(9)
    ),
]
OCTOBER = View(None, "2026-10-01", "2026-10-31")


@pytest.fixture
def of_two(tmp_path: Path) -> Iterator[Ledger]:
    """One call in the reporting currency and nine in another."""
    with a_ledger(tmp_path) as opened:
        put(opened, CURRENCIES)
        roll(opened)
        yield opened


def test_counts_are_of_all_currencies_and_money_is_told_apart(of_two: Ledger) -> None:
    for page in PAGES:
        words = " ".join(texts_of(whole(page, of_two, OCTOBER)))
        assert "No calls" not in words, page.title
        assert "4,500" not in words, page.title
    shown = texts_of(whole(page_at(""), of_two, OCTOBER))
    assert {"10", "1.00 USD", "45.00 EUR"} <= set(shown)
    assert any("calls in other currencies cost 45.00 EUR" in text for text in shown)
    calls = texts_of(whole(page_at("requests"), of_two, OCTOBER))
    assert {"10", "100.0% of all calls"} <= set(calls)
    assert any("45.00 EUR" in text for text in calls)


def test_a_view_without_the_reporting_currency_is_not_empty(of_two: Ledger) -> None:
    shown = texts_of(whole(page_at(""), of_two, View(None, "2026-10-06", "2026-10-06")))
    assert "45.00 EUR" in shown


def texts_of(found: list[Any]) -> list[str]:
    return [part for part in found if isinstance(part, str)]


def test_a_bar_of_a_week_narrows_to_its_week(ledger: Ledger) -> None:
    view = View(None, "2026-09-01", "2026-10-30")
    (chart,) = [
        part.id
        for part in whole(page_at(""), ledger, view)
        if isinstance(getattr(part, "id", None), dict) and part.id.get("name") == "spend-over-time"
    ]
    found = view_of_chart_click(view, chart, {"points": [{"x": "2026-09-14"}]}, BERLIN, NOW)
    assert chart["interval"] == "week"
    assert found is not None
    assert (found.first, found.last) == ("2026-09-14", "2026-09-20")


def test_names_that_read_like_ids_or_like_our_words_stay_apart(tmp_path: Path) -> None:
    names = ["Other", "no key", "vk-0", *(f"Key {number}" for number in range(8))]
    made = [
        call(
            "2026-10-05T10:00:00Z",
            10**12 * (20 - at),
            virtual_key=f"vk-{at}" if at else None,
            virtual_key_name=name if at else None,
            model=name,
        )
        for at, name in enumerate(names)
    ]
    with a_ledger(tmp_path) as opened:
        put(opened, [*made, call("2026-10-05T10:00:00Z", 10**12, virtual_key="vk-0", model="small")])
        roll(opened)
        whole_spend = sum((20 - at for at in range(len(names))), 1)
        for page, dimension in (("", "model"), ("keys", "virtual_key")):
            found = spend_series(
                opened,
                rewrite(question(OCTOBER, opened.zone, ("total_cost",), ("time", dimension))),
                run(opened, question(OCTOBER, opened.zone, ("total_cost",), (dimension,))),
                people.idents(opened, "virtual_key") if dimension == "virtual_key" else {},
            )
            bars = [*found.values.values(), found.rest or []]
            assert sum((sum(bar, Decimal()) for bar in bars), Decimal()) == whole_spend
            assert len(set(texts_of(whole(page_at(page), opened, OCTOBER)))) > 10
        assert (
            run(opened, question(OCTOBER.narrowed("virtual_key", "vk-0"), opened.zone, ("requests",))).total(
                "requests"
            )
            == 1
        )


def test_a_running_period_is_compared_as_far_as_it_has_come(ledger: Ledger) -> None:
    asked = question(View(preset="today"), ledger.zone, ("requests",), compare=True, now=NOW)
    assert asked.comparison is not None
    assert (asked.comparison.start, asked.comparison.end) == (
        asked.period.start - timedelta(days=1),
        NOW - timedelta(days=1),
    )
    past = question(View(preset="last-month"), ledger.zone, ("requests",), compare=True, now=NOW)
    assert past.comparison is not None
    assert past.comparison.end == past.period.start


def test_a_table_of_many_keys_shows_the_most_with_the_totals_of_all(tmp_path: Path) -> None:
    made = [
        call(
            "2026-10-05T10:00:00Z", 10**12 * (at + 1), virtual_key=f"vk-{at}", latency_us=1_000_000 * (at + 1)
        )
        for at in range(60)
    ]
    with a_ledger(tmp_path) as opened:
        put(opened, made)
        roll(opened)
        asked = question(OCTOBER, opened.zone, ("total_cost", "requests", "latency_p95"), ("virtual_key",))
        few, in_all = top_rows(opened, asked, 10, people.idents(opened, "virtual_key"))
        every = run(opened, asked)
        assert in_all == 60
        assert few.rows == every.rows[:10]
        assert few.total("total_cost") == every.total("total_cost")
        shown = texts_of(whole(page_at("keys"), opened, OCTOBER))
        assert "10 more are not shown here; the CSV has them all" in shown
        assert "3.3%" in shown
