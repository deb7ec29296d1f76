"""The page What if and the calculation of a call, in Chromium: choices are kept in the URL."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import settled
from tests.support.visits import Visit, serious_violations

pytestmark = pytest.mark.browser


def test_a_model_is_chosen_and_the_difference_shown(visit: Visit) -> None:
    page = visit.to("what-if?model=gpt-5.4-mini")
    page.get_by_role("textbox", name="As model").fill("claude-haiku-5-5")
    page.keyboard.press("Escape")  # the list of models would lie over the button
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/dashboard/what-if?model=gpt-5.4-mini&to_model=claude-haiku-5-5*")
    expect(page.locator("#totals")).to_contain_text("They would have cost")
    expect(page.locator("#tokenizers")).to_contain_text("tokenizer")
    shown = page.locator("#compared").inner_text()
    page.reload()
    expect(page.locator("#compared")).to_have_text(shown, use_inner_text=True)
    expect(page.get_by_role("textbox", name="As model")).to_have_value("claude-haiku-5-5")


def test_what_has_no_price_there_is_said(visit: Visit) -> None:
    page = visit.follow("what-if?tier=batch")
    expect(page.locator("#not-priced-there")).to_contain_text(
        re.compile("no price for .* service tier batch")
    )
    with page.expect_download() as started:
        page.get_by_role("link", name="Here and there as a CSV file").click()
    assert started.value.suggested_filename == "whatif.csv"


def test_a_share_that_is_none_says_how_it_is_written(visit: Visit) -> None:
    page = visit.follow("what-if?cache_hit_rate=lots")
    expect(page.locator(".failed-part")).to_contain_text("such as 60%")


def open_comparison(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/what-if?to_model=claude-haiku-5-5")
    page.locator("#compared").wait_for()


def open_calculation(page: Page, site: str) -> None:
    with urllib.request.urlopen(f"{site}/v1/requests?cost_source=computed&limit=1") as response:
        (call,) = json.load(response)["requests"]
    page.goto(f"{site}/dashboard/requests?request={call['event_id']}")
    page.locator("#calculation .workings").first.wait_for()


def test_a_calculation_fits_its_call(page: Page, site: str) -> None:
    open_calculation(page, site)
    table = page.locator("#calculation .workings").first
    expect(table).to_contain_text("Total (USD)")
    settled(page)
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth + 1")


@pytest.mark.long
@pytest.mark.parametrize("sized", [1440, 390], indirect=True)
def test_everybody_can_read_a_comparison_and_a_calculation(page: Page, site: str) -> None:
    for show in (open_comparison, open_calculation):
        show(page, site)
        settled(page)
        assert serious_violations(page) == []
