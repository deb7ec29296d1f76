"""Using the pages in Chromium: clicks, calls, names, the keyboard, locales, and accessibility."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.directory import names
from dashboard.formatting import format as wording
from dashboard.pages import PAGES
from dashboard.query.run import run
from dashboard.ui.view import View, question
from ingest.directory.service import rename_entry
from ingest.ledger.engine import Ledger
from tests.support.browser import settled
from tests.support.visits import Visit, serious_violations, visiting

pytestmark = pytest.mark.browser


def test_a_row_a_legend_and_a_bar_narrow_the_page(visit: Visit, sample: Ledger) -> None:
    page = visit.to("")
    page.locator("#models tbody tr").nth(1).locator("td").nth(3).click(force=True)
    page.wait_for_url("**/dashboard/?provider=*&model=*")
    page.go_back()
    shows_all(page, sample)
    page.locator(".chart-legend a").first.click()
    page.wait_for_url("**/dashboard/?model=*")
    page.go_back()
    shows_all(page, sample)
    click_bar(page, "#spend-by-key", 0)
    page.wait_for_url("**/dashboard/?virtual_key=*")
    page.go_back()
    shows_all(page, sample)
    click_bar(page, "#spend-over-time", 12)
    page.wait_for_url("**/dashboard/?from=*&to=*")


def shows_all(page: Page, ledger: Ledger) -> None:
    """Waits for the overview of all calls, in which charts come after the totals."""
    count = run(ledger, question(View(), ledger.zone, ("requests",))).total("requests")
    expect(page.locator("#totals")).to_contain_text(f"Requests{wording.compact(count)}")
    expect(page.locator("#page[data-dash-is-loading]")).to_have_count(0)


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


def close_call(page: Page) -> None:
    """Close the call over the page with the keyboard, once its drawer has the focus."""
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
    close_call(page)
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
    close_call(page)
    expect(page.locator("#call")).to_have_count(0)


def test_the_list_goes_on_as_it_is_scrolled(visit: Visit, site: str) -> None:
    page = visit.to("requests")
    page.locator(".ag-row").first.wait_for()
    page.locator(".ag-row [col-id=model]").first.hover()
    with urllib.request.urlopen(f"{site}/v1/requests?limit=230") as response:
        calls = json.load(response)["requests"]
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


@pytest.mark.long
def test_everybody_can_use_the_pages(chromium: Browser, site: str, sample: Ledger) -> None:
    visit = visiting(chromium, site)
    chosen = names.by_name(sample, "virtual_key")["Code review"].ident
    for path in (
        *(page.path for page in PAGES),
        f"keys?virtual_key={chosen}",
        f"teams?virtual_key={chosen}",
        "teams?team=team-research",
        "prices?provider=openai&model=gpt-5.4",
    ):
        page = visit.to(path)
        settled(page)
        assert serious_violations(page) == [], path
    page.locator("#filter-status").wait_for()
    page = visit.to("requests")
    page.locator(".ag-row [col-id=model]").nth(1).click()
    page.locator("#call").wait_for()
    settled(page)
    assert serious_violations(page) == []
    page.close()


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
