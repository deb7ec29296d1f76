"""Every page in Chromium over a sample ledger: its figures, its filters, its links, and whom it serves."""

import csv
import gzip
import io
import json
import re
import struct
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from browsing import settled
from playwright.sync_api import Browser, Page, expect

from dashboard.directory import names
from dashboard.formatting import format as wording
from dashboard.pages import PAGES
from dashboard.query.run import run
from dashboard.ui.view import View, from_search, question, to_search
from ingest.directory.service import rename_entry
from ingest.ledger.engine import Ledger

pytestmark = pytest.mark.browser
AXE = gzip.decompress((Path(__file__).parent / "axe.min.js.gz").read_bytes()).decode()
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
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
every_page = pytest.mark.parametrize("path", SHOWS, ids=lambda path: path or "overview")


@dataclass
class Visit:
    """A browser's page, and what it said and whom it asked."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(f"{self.address}/dashboard/{path}")
        self.page.wait_for_selector("#page h1, #empty, .failed-page")
        return self.page


def visiting(chromium: Browser, site: str, width: int = 1440) -> Visit:
    visit = Visit(chromium.new_page(viewport={"width": width, "height": 900}), site)
    own = (site, "data:", "blob:")
    visit.page.on("request", lambda r: None if r.url.startswith(own) else visit.outside.append(r.url))
    visit.page.on("console", lambda m: visit.said.append(m.text) if m.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
    return visit


@pytest.fixture(scope="module", params=[1440, 390])
def sized(request: pytest.FixtureRequest, chromium: Browser, site: str) -> Iterator[Visit]:
    visit = visiting(chromium, site, request.param)
    yield visit
    visit.page.close()


@pytest.fixture(scope="module")
def visit(chromium: Browser, site: str) -> Iterator[Visit]:
    visit = visiting(chromium, site)
    yield visit
    visit.page.close()


def counted(ledger: Ledger, search: str) -> str:
    """The number of requests as the overview words it."""
    view = from_search(search)
    return wording.compact(run(ledger, question(view, ledger.zone, ("requests",))).total("requests"))


def who(ledger: Ledger, control: str, name: str) -> tuple[str, str]:
    """A team or key as a filter knows it."""
    kind: names.Kind = "team" if control == "team" else "virtual_key"
    return kind, names.by_name(ledger, kind)[name].ident


@every_page
def test_a_page_shows_its_figures(sized: Visit, path: str) -> None:
    page = sized.to(path)
    for part in SHOWS[path]:
        expect(page.locator(part).first).to_be_visible()
    expect(page.locator("#about")).to_contain_text("times in UTC")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]
    assert (sized.outside, sized.said) == ([], [])


def test_charts_are_drawn_by_the_small_library_alone(chromium: Browser, site: str) -> None:
    visit = visiting(chromium, site)
    asked: list[str] = []
    visit.page.on("request", lambda r: asked.append(r.url) if "plotly" in r.url else None)
    expect(visit.to("latency").locator("#latency-over-time .main-svg").first).to_be_visible()
    visit.page.close()
    assert [url.rpartition("/")[2].partition("?")[0] for url in asked] == ["plotly-basic.min.js"]


@pytest.mark.parametrize(
    ("control", "option", "search"),
    [
        ("provider", "anthropic", "?provider=anthropic"),
        ("model", "gpt-5.4-mini", "?model=gpt-5.4-mini"),
        ("team", "Engineering", None),
        ("virtual-key", "Code review", None),
        ("status", "error", "?status=error"),
        ("request-type", "embedding", "?request_type=embedding"),
    ],
)
def test_a_filter_changes_the_figures_and_survives_a_reload(
    visit: Visit, sample: Ledger, control: str, option: str, search: str | None
) -> None:
    page = visit.to("")
    page.locator(f"#filter-{control}").click()
    page.get_by_role("option", name=option, exact=True).click()
    wanted = search or to_search(View().narrowed(*who(sample, control, option)))
    page.wait_for_url(f"**/dashboard/{wanted}")
    expect(page.locator("#totals")).to_contain_text(f"Requests{counted(sample, wanted)}")
    page.reload()
    expect(page.locator("#totals")).to_contain_text(f"Requests{counted(sample, wanted)}")
    expect(page.locator("#filter-bar")).to_contain_text(option)


def test_period_and_interval_hold_on_every_page(visit: Visit, sample: Ledger) -> None:
    page = visit.to("")
    page.get_by_text("7 days").click()
    page.wait_for_url("**/dashboard/?period=7d")
    page.locator("#filter-interval").click()
    page.get_by_role("option", name="By hour", exact=True).click()
    page.wait_for_url("**/dashboard/?period=7d&interval=hour")
    expect(page.locator("#totals")).to_contain_text(counted(sample, "?period=7d"))
    page.get_by_role("link", name="Latency", exact=True).click()
    page.wait_for_url("**/dashboard/latency?period=7d&interval=hour")
    expect(page.locator("h1")).to_have_text("Latency")


def test_a_row_a_legend_and_a_bar_narrow_the_page(visit: Visit) -> None:
    page = visit.to("")
    page.locator("#models tbody tr").nth(1).locator("td").nth(3).click(force=True)
    page.wait_for_url("**/dashboard/?provider=*&model=*")
    page = visit.to("")
    page.locator(".chart-legend a").first.click()
    page.wait_for_url("**/dashboard/?model=*")
    page = visit.to("")
    click_bar(page, "#spend-by-key", 0)
    page.wait_for_url("**/dashboard/?virtual_key=*")
    page = visit.to("")
    click_bar(page, "#spend-over-time", 12)
    page.wait_for_url("**/dashboard/?from=*&to=*")


def click_bar(page: Page, chart: str, place: int) -> None:
    settled(page)
    bar = page.locator(f"{chart} .point").nth(place)
    bar.scroll_into_view_if_needed()
    box, before = bar.bounding_box(), None
    while box != before:
        page.wait_for_timeout(150)
        box, before = bar.bounding_box(), box
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.wait_for_timeout(100)
    page.mouse.click(x, y)


def put_away(page: Page) -> None:
    """Close the call that is laid over the page, once it listens to the keyboard."""
    expect(page.locator(".mantine-Drawer-close")).to_be_focused()
    page.keyboard.press("Escape")


def test_one_call_can_be_opened_closed_and_linked_to(visit: Visit, site: str) -> None:
    page = visit.to("requests")
    page.locator(".ag-row [col-id=model]").nth(2).click()
    page.wait_for_url("**/dashboard/requests?request=*")
    expect(page.locator("#call")).to_contain_text("What it cost")
    shown = page.locator("#call").inner_text()
    page.reload()
    expect(page.locator("#call")).to_have_text(shown, use_inner_text=True)
    put_away(page)
    page.wait_for_url("**/dashboard/requests")
    expect(page.locator("#call")).to_have_count(0)
    visit.to("requests?request=00000000-0000-0000-0000-000000000000")
    expect(page.locator("#no-call")).to_be_visible()
    assert site in page.url


def test_a_call_can_be_opened_with_keys_alone(visit: Visit) -> None:
    page = visit.to("requests")
    page.locator(".ag-row [col-id=time]").first.wait_for()
    page.wait_for_load_state("networkidle")  # rows that come later would take the focus away
    page.locator(".ag-header-cell").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".ag-cell-focus")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator("#call")).to_be_visible()
    put_away(page)
    expect(page.locator("#call")).to_have_count(0)


def test_the_list_goes_on_as_it_is_scrolled(visit: Visit, site: str) -> None:
    page = visit.to("requests")
    page.locator(".ag-row").first.wait_for()
    page.locator(".ag-row [col-id=model]").first.hover()
    with urllib.request.urlopen(f"{site}/v1/requests?limit=230") as answer:
        calls = json.load(answer)["requests"]
    for _ in range(500):
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(60)
        if page.locator('.ag-row[row-index="229"] [col-id=model]').count():
            break
    last = page.locator('.ag-row[row-index="229"]')
    expect(last).to_have_attribute("row-id", calls[229]["event_id"])


def test_a_key_is_renamed_and_no_figure_changes(visit: Visit, sample: Ledger) -> None:
    key = names.by_name(sample, "virtual_key")["Evaluations"]
    page = visit.to(f"keys?virtual_key={key.ident}")
    figures = page.locator("#models-of").inner_text()
    page.locator("#given-name").fill("Nightly checks")
    page.get_by_role("button", name="Save name").click()
    expect(page.locator("h1")).to_have_text("Virtual key Nightly checks")
    assert page.locator("#models-of").inner_text() == figures
    expect(page.locator("#filter-bar")).to_contain_text("Nightly checks")
    page.get_by_role("button", name="Clear name").click()
    expect(page.locator("h1")).to_have_text("Virtual key Evaluations")
    assert page.locator("#models-of").inner_text() == figures
    rename_entry(sample, key.entry_id, None, by="ann", at=0)


def test_a_team_is_found_from_its_key_and_renamed_and_no_figure_changes(visit: Visit, sample: Ledger) -> None:
    team = names.by_name(sample, "team")["Research"]
    page = visit.to("keys")
    page.locator("#keys").get_by_role("link", name="Research", exact=True).first.click()
    page.wait_for_url("**/dashboard/keys?team=*")
    expect(page.locator("h1")).to_have_text("Team Research")
    figures = page.locator("#models-of").inner_text()
    page.locator("#given-name").fill("Science")
    page.locator("#given-name").press("Enter")
    expect(page.locator("h1")).to_have_text("Team Science")
    assert page.locator("#models-of").inner_text() == figures
    expect(page.locator("#keys")).to_contain_text("Science")
    rename_entry(sample, team.entry_id, None, by="ann", at=0)


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


@pytest.mark.parametrize("path", [page.path for page in PAGES if page.is_filtered])
def test_nothing_in_view_and_what_cannot_be_shown_say_so(visit: Visit, path: str) -> None:
    page = visit.to(f"{path}?from=2021-01-01&to=2021-01-02")
    expect(page.locator("#empty")).to_contain_text("No calls in this view")
    page.get_by_role("link", name="Show the 30 days up to then").click()
    page.wait_for_selector("#page h1:not(#empty h1)")
    page = visit.to(f"{path}?interval=hour&from=2000-01-01&to=2026-12-31")
    expect(page.locator(".failed-page")).to_contain_text("use a longer one")


def test_a_csv_link_gives_the_rows_in_full(visit: Visit) -> None:
    page = visit.to("models")
    with page.expect_download() as started:
        page.get_by_role("link", name="Models as a CSV file").click()
    text = Path(started.value.path()).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == page.locator("#models tbody tr").count()
    assert rows[0]["model"] == page.locator("#models tbody tr").first.locator("th").inner_text()


def test_everybody_can_use_the_pages(chromium: Browser, site: str, sample: Ledger) -> None:
    visit = visiting(chromium, site)
    chosen = names.by_name(sample, "virtual_key")["Code review"].ident
    for path in (
        *SHOWS,
        f"keys?virtual_key={chosen}",
        f"teams?virtual_key={chosen}",
        "teams?team=team-research",
        "prices?provider=openai&model=gpt-5.4",
    ):
        page = visit.to(path)
        settled(page)
        assert serious(page) == [], path
    page.locator("#filter-status").wait_for()
    page = visit.to("requests")
    page.locator(".ag-row [col-id=model]").nth(1).click()
    page.locator("#call").wait_for()
    settled(page)
    assert serious(page) == []
    page.close()


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out, of the page as it is in light and in dark."""
    page.evaluate(AXE)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        settled(page)
        found += page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


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
    assert visit.said == []


def test_paper_shows_figures_and_no_controls(visit: Visit) -> None:
    page = visit.to("")
    page.emulate_media(media="print")
    expect(page.locator("#filter-bar")).to_be_hidden()
    expect(page.locator("#totals")).to_be_visible()
    page.emulate_media(media="screen")


def test_the_first_page_that_anybody_sees_has_its_style(visit: Visit) -> None:
    page = visit.to("models")
    assert page.evaluate("getComputedStyle(document.querySelector('.heading')).position") == "sticky"
