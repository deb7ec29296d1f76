"""Every page in Chromium over a sample ledger: its figures, its filters, its outputs, and its style."""

import csv
import io
import struct
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.directory import names
from dashboard.formatting import format as wording
from dashboard.pages import PAGES
from dashboard.query.run import run
from dashboard.ui.view import View, from_search, question, to_search
from ingest.ledger.engine import Ledger
from tests.support.visits import Visit

pytestmark = pytest.mark.browser
SHOWS = {
    "": ("#totals", "#models", "#outcomes", "#spend-over-time", "#spend-by-key", "#latency-over-time"),
    "models": ("#models", "#spend-over-time", "#spend-made-of"),
    "keys": ("#keys", "#spend-over-time"),
    "teams": ("#totals", "#teams", "#unassigned", "#owner-set", "#assignments"),
    "latency": (
        "#totals",
        "#latency-over-time",
        "#ttft-over-time",
        "#latency-distribution",
        "#latency-by-key",
    ),
    "requests": ("#totals", ".ag-row"),
    "prices": ("#prices", "#unpriced-models", "#price-conflicts", "#variance", "#repricings"),
    "chargeback": ("#chargeback", "#period-turn", "#downloads"),
    "reconciliation": ("#reconciliation",),
    "budgets": ("#totals", "#budgets", "#courses", "#budget-history"),
    "alerts": ("#totals", "#alerts-open", "#alerts", "#alert-messages", "#alert-rules"),
    "what-if": ("#models", "#whatif-compare"),
}
every_page = pytest.mark.parametrize("path", SHOWS, ids=lambda path: path or "overview")


def figures_are_shown(visit: Visit, path: str) -> None:
    page = visit.page
    for part in SHOWS[path]:
        expect(page.locator(part).first).to_be_visible()
    expect(page.locator("#about")).to_contain_text("times in UTC")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]
    assert (visit.foreign_urls, visit.errors) == ([], [])


@pytest.mark.long
@every_page
def test_a_page_that_is_loaded_shows_its_figures(visit: Visit, path: str) -> None:
    visit.to(path)
    figures_are_shown(visit, path)


@every_page
def test_a_page_shows_its_figures(sized: Visit, path: str) -> None:
    sized.follow(path)
    figures_are_shown(sized, path)


def test_charts_are_drawn_by_the_small_library_alone(visit: Visit) -> None:
    requested: list[str] = []
    visit.page.on(
        "request", lambda request: requested.append(request.url) if "plotly" in request.url else None
    )
    expect(visit.to("latency").locator("#latency-over-time .main-svg").first).to_be_visible()
    assert [url.rpartition("/")[2].partition("?")[0] for url in requested] == ["plotly-basic.min.js"]


@pytest.mark.long
@pytest.mark.parametrize("path", [page.path for page in PAGES if page.is_filtered])
def test_nothing_in_view_and_what_cannot_be_shown_say_so(visit: Visit, path: str) -> None:
    page = visit.to(f"{path}?from=2021-01-01&to=2021-01-02")
    expect(page.locator("#empty")).to_contain_text("No calls in this view")
    page.get_by_role("link", name="Show the 30 days up to then").click()
    page.wait_for_selector("#page h1:not(#empty h1)")
    page = visit.to(f"{path}?interval=hour&from=2000-01-01&to=2026-12-31")
    expect(page.locator(".failed-page")).to_contain_text("use a longer one")


def test_a_csv_link_gives_the_rows_in_full(visit: Visit) -> None:
    page = visit.follow("models")
    with page.expect_download() as started:
        page.get_by_role("link", name="Models as a CSV file").click()
    text = Path(started.value.path()).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == page.locator("#models tbody tr").count()
    assert rows[0]["model"] == page.locator("#models tbody tr").first.locator("th").inner_text()


def test_a_chart_is_saved_as_an_image(visit: Visit, tmp_path: Path) -> None:
    page = visit.follow("")
    page.locator("#spend-over-time .main-svg").first.wait_for()
    with page.expect_download() as started:
        page.get_by_role("button", name="Spend over time by model (USD) as a PNG image").click()
    assert started.value.suggested_filename == "spend-over-time.png"
    started.value.save_as(tmp_path / "chart.png")
    head = (tmp_path / "chart.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (2_400, 1_120)
    assert visit.errors == []


def test_paper_shows_figures_and_no_controls(visit: Visit) -> None:
    page = visit.follow("")
    page.emulate_media(media="print")
    expect(page.locator("#filter-bar")).to_be_hidden()
    expect(page.locator("#totals")).to_be_visible()
    page.emulate_media(media="screen")


def test_the_first_page_that_anybody_sees_has_its_style(visit: Visit) -> None:
    page = visit.to("models")
    assert page.evaluate("getComputedStyle(document.querySelector('.heading')).position") == "sticky"


def request_count(ledger: Ledger, search: str) -> str:
    """The number of requests as the overview writes it."""
    view = from_search(search)
    return wording.compact(run(ledger, question(view, ledger.zone, ("requests",))).total("requests"))


def entry_ident(ledger: Ledger, control: str, name: str) -> tuple[str, str]:
    """The kind and the id of a team or a key, as filters use them."""
    kind: names.Kind = "team" if control == "team" else "virtual_key"
    return kind, names.by_name(ledger, kind)[name].ident


@pytest.mark.parametrize(
    ("control", "option", "search"),
    [
        ("model", "gpt-5.4-mini", "?model=gpt-5.4-mini"),
        ("team", "Engineering", None),
        pytest.param("provider", "anthropic", "?provider=anthropic", marks=pytest.mark.long),
        pytest.param("virtual-key", "Code review", None, marks=pytest.mark.long),
        pytest.param("status", "error", "?status=error", marks=pytest.mark.long),
        pytest.param("request-type", "embedding", "?request_type=embedding", marks=pytest.mark.long),
    ],
)
def test_a_filter_changes_the_figures(
    visit: Visit, sample: Ledger, control: str, option: str, search: str | None
) -> None:
    page = visit.follow("")
    expect(page.locator("#filter-bar .mantine-Pill-root")).to_have_count(0)
    page.locator(f"#filter-{control}").click()
    page.get_by_role("option", name=option, exact=True).click()
    expected = search or to_search(View().narrowed(*entry_ident(sample, control, option)))
    page.wait_for_url(f"**/dashboard/{expected}")
    expect(page.locator("#totals")).to_contain_text(f"Requests{request_count(sample, expected)}")


def test_filters_survive_a_reload(visit: Visit, sample: Ledger) -> None:
    view = View().narrowed(*entry_ident(sample, "team", "Engineering")).narrowed("status", "error")
    search = to_search(view)
    page = visit.follow(search)
    page.reload()
    expect(page.locator("#totals")).to_contain_text(f"Requests{request_count(sample, search)}")
    for option in ("Engineering", "error"):
        expect(page.locator("#filter-bar")).to_contain_text(option)


def test_period_and_interval_hold_on_every_page(visit: Visit, sample: Ledger) -> None:
    page = visit.to("")
    page.get_by_text("7 days").click()
    page.wait_for_url("**/dashboard/?period=7d")
    page.locator("#filter-interval").click()
    page.get_by_role("option", name="By hour", exact=True).click()
    page.wait_for_url("**/dashboard/?period=7d&interval=hour")
    expect(page.locator("#totals")).to_contain_text(request_count(sample, "?period=7d"))
    page.get_by_role("link", name="Latency", exact=True).click()
    page.wait_for_url("**/dashboard/latency?period=7d&interval=hour")
    expect(page.locator("h1")).to_have_text("Latency")
