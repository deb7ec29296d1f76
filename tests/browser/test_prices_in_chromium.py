"""The page Prices in Chromium: words are searched for, a model is opened, a price is set."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.prices import price_list
from tests.support.visits import Visit

pytestmark = pytest.mark.browser
UNPRICED = "prices?provider=vllm&model=qwen3-coder-next"


@pytest.fixture(scope="module")
def site(changed_site: str) -> str:
    return changed_site


def search(page: Page, words: str) -> None:
    page.get_by_label("Search a model or a provider").press_sequentially(words, delay=30)


def test_a_search_narrows_the_list_keeps_the_focus_and_is_in_the_url(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/prices")
    expect(page.locator("#prices tbody tr").first).to_be_visible()
    search(page, "gpt-5.4 batch")
    page.wait_for_url("**/prices?search=gpt-5.4+batch")
    expect(page.locator("#prices tbody tr").filter(has_not_text="batch")).to_have_count(0)
    expect(page.locator("#prices tbody tr").filter(has_text="gpt-5.4-mini").first).to_be_visible()
    expect(page.get_by_label("Search a model or a provider")).to_be_focused()
    shown = page.locator("#prices").inner_text()
    page.reload()
    expect(page.locator("#prices")).to_have_text(shown, use_inner_text=True)
    page.go_back()
    expect(page.get_by_label("Search a model or a provider")).to_have_value("")


def test_what_is_not_found_says_so(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/prices?search=no+such+thing")
    expect(page.locator("#prices")).to_contain_text("tallybook prices set")


def test_a_line_opens_its_model_and_leads_back_to_the_search(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/prices?search=gpt-5.4-mini")
    page.locator("#prices tbody a").first.click()
    expect(page.locator("h1")).to_have_text("Prices of openai/gpt-5.4-mini")
    expect(page.locator("#price-history .main-svg").first).to_be_visible()
    expect(page.locator("#prices-now")).to_contain_text("batch")
    page.get_by_role("link", name="All prices").click()
    page.wait_for_url("**/prices?search=gpt-5.4-mini")
    expect(page.locator("#prices tbody tr").first).to_contain_text("gpt-5.4-mini")


def test_a_price_is_refused_in_words_then_set_and_seen_everywhere(visit: Visit) -> None:
    page = visit.to(UNPRICED)
    expect(page.locator("#prices-now")).to_contain_text("No price for vllm/qwen3-coder-next")
    page.get_by_label("Input", exact=True).fill("0,40")
    page.get_by_role("button", name="Set price").click()
    expect(page.locator("#price-said")).to_contain_text("'0,40' is no price")
    page.get_by_label("Input", exact=True).fill("0.40")
    page.get_by_label("Output", exact=True).fill("1.60")
    page.get_by_label("Output", exact=True).press("Enter")
    expect(page.locator("#price-said")).to_contain_text("tallybook reprice --provider vllm")
    expect(page.locator("#price-rows tbody tr")).to_have_count(2)
    expect(page.locator("#prices-now tbody tr").first).to_contain_text("1.60")
    expect(page.locator("#price-history .main-svg").first).to_be_visible()
    expect(page.get_by_label("Input", exact=True)).to_have_value("")
    visit.follow("prices?search=qwen3-coder-next+vllm")
    expect(page.locator("#prices tbody tr").first).to_contain_text("0.40")


def test_the_csv_holds_every_line_of_the_search(visit: Visit) -> None:
    page = visit.to("prices?search=claude")
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("Price list.* as a CSV file")).click()
    rows = list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text())))
    heading = page.locator(".panel-title").first.inner_text()
    assert heading == f"Price list of now: {len(rows)} lines"
    assert {*price_list.COLUMNS} == set(rows[0])
    assert all("claude" in row["model"] for row in rows)
