"""The page What if and the calculation of a call, in Chromium: choices are kept in the URL."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import settled
from tests.support.visits import serious_violations, visiting

pytestmark = pytest.mark.browser


def opened(chromium: Browser, site: str, path: str, width: int = 1440) -> Page:
    return visiting(chromium, site, width).to(path)


def test_a_model_is_chosen_and_the_difference_shown(chromium: Browser, site: str) -> None:
    page = opened(chromium, site, "what-if?model=gpt-5.4-mini")
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
    page.close()


def test_what_has_no_price_there_is_said(chromium: Browser, site: str) -> None:
    page = opened(chromium, site, "what-if?tier=batch")
    expect(page.locator("#not-priced-there")).to_contain_text(
        re.compile("no price for .* service tier batch")
    )
    with page.expect_download() as started:
        page.get_by_role("link", name="Here and there as a CSV file").click()
    assert started.value.suggested_filename == "whatif.csv"
    page.close()


def test_a_share_that_is_none_says_how_it_is_written(chromium: Browser, site: str) -> None:
    page = opened(chromium, site, "what-if?cache_hit_rate=lots")
    expect(page.locator(".failed-part")).to_contain_text("such as 60%")
    page.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_everybody_can_read_a_comparison_and_a_calculation(chromium: Browser, site: str, width: int) -> None:
    page = opened(chromium, site, "what-if?to_model=claude-haiku-5-5", width)
    page.locator("#compared").wait_for()
    assert serious_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    with urllib.request.urlopen(f"{site}/v1/requests?cost_source=computed&limit=1") as response:
        (call,) = json.load(response)["requests"]
    page.goto(f"{site}/dashboard/requests?request={call['event_id']}")
    page.locator("#calculation .workings").first.wait_for()
    settled(page)
    table = page.locator("#calculation .workings").first
    expect(table).to_contain_text("Total (USD)")
    assert table.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
    assert serious_violations(page) == []
    page.close()
