"""Every page in Chromium over a sample ledger: its figures, its outputs, and its style."""

import csv
import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard.pages import PAGES
from tests.support.visits import Visit, visiting

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


@pytest.fixture(scope="module", params=[1440, 390])
def sized(request: pytest.FixtureRequest, chromium: Browser, site: str) -> Iterator[Visit]:
    visit = visiting(chromium, site, request.param)
    yield visit
    visit.page.close()


@every_page
def test_a_page_shows_its_figures(sized: Visit, path: str) -> None:
    page = sized.to(path)
    for part in SHOWS[path]:
        expect(page.locator(part).first).to_be_visible()
    expect(page.locator("#about")).to_contain_text("times in UTC")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]
    assert (sized.foreign_urls, sized.errors) == ([], [])


def test_charts_are_drawn_by_the_small_library_alone(chromium: Browser, site: str) -> None:
    visit = visiting(chromium, site)
    requested: list[str] = []
    visit.page.on(
        "request", lambda request: requested.append(request.url) if "plotly" in request.url else None
    )
    expect(visit.to("latency").locator("#latency-over-time .main-svg").first).to_be_visible()
    visit.page.close()
    assert [url.rpartition("/")[2].partition("?")[0] for url in requested] == ["plotly-basic.min.js"]


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.is_filtered])
def test_nothing_in_view_and_what_cannot_be_shown_say_so(visit: Visit, path: str) -> None:
    page = visit.to(f"{path}?from=2021-01-01&to=2021-01-02")
    expect(page.locator("#empty")).to_contain_text("No calls in this view")
    page.get_by_role("link", name="Show the 30 days up to then").click()
    page.wait_for_selector("#page h1:not(#empty h1)")
    page = visit.to(f"{path}?interval=hour&from=2000-01-01&to=2026-12-31")
    expect(page.locator(".failed-page")).to_contain_text("use a longer one")


def test_numbers_and_dates_are_written_as_the_reader_writes_them(chromium: Browser, site: str) -> None:
    context = chromium.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{site}/dashboard/?from=2026-11-01&to=2026-11-02")
    expect(page.locator("#about, #empty").first).to_be_visible()
    expect(page.locator("#filter-dates")).to_contain_text(re.compile(r"^1\.11\.2026 . 2\.11\.2026$"))
    page.goto(f"{site}/dashboard/")
    expect(page.locator("#totals")).to_contain_text(re.compile(r"[0-9],[0-9]{2} USD"))
    expect(page.locator("#totals")).to_contain_text(re.compile(r"[0-9],[0-9]{2}\s%"))
    context.close()


def test_a_csv_link_gives_the_rows_in_full(visit: Visit) -> None:
    page = visit.to("models")
    with page.expect_download() as started:
        page.get_by_role("link", name="Models as a CSV file").click()
    text = Path(started.value.path()).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == page.locator("#models tbody tr").count()
    assert rows[0]["model"] == page.locator("#models tbody tr").first.locator("th").inner_text()


def test_a_chart_is_saved_as_an_image(visit: Visit, tmp_path: Path) -> None:
    page = visit.to("")
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
    page = visit.to("")
    page.emulate_media(media="print")
    expect(page.locator("#filter-bar")).to_be_hidden()
    expect(page.locator("#totals")).to_be_visible()
    page.emulate_media(media="screen")


def test_the_first_page_that_anybody_sees_has_its_style(visit: Visit) -> None:
    page = visit.to("models")
    assert page.evaluate("getComputedStyle(document.querySelector('.heading')).position") == "sticky"
