"""The page Teams in Chromium: assigning a key to teams, renewed figures, and links between teams."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(changed_site: str) -> str:
    return changed_site


@pytest.fixture(autouse=True)
def dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")


def test_a_key_is_refused_in_words_then_shared_and_taken_back(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/teams?virtual_key=vk-marketing-copy")
    expect(page.locator("#today")).to_contain_text("Marketing")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("#owner-said")).to_have_text("Not assigned: choose a team.")
    page.locator("#owner-teams").click()
    for team in ("Search", "Support"):
        page.get_by_role("option", name=team, exact=True).locator("visible=true").click()
    page.keyboard.press("Escape")
    page.get_by_label("Parts, of several teams").fill("60, 40")
    page.get_by_label("Reason").fill("moved")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("#owner-said")).to_contain_text(
        "Campaign copy belongs to Search 60.0%, Support 40.0%"
    )
    expect(page.locator("#today")).to_contain_text("Search 60.0%, Support 40.0%")
    expect(page.locator("#assignments tbody tr").first).to_contain_text("moved")
    page.get_by_role("button", name="Take back what was assigned").click()
    expect(page.locator("#owner-said")).to_contain_text("belongs to whom its gateway names")
    expect(page.locator("#today")).to_contain_text("Marketing")


@pytest.mark.parametrize("view", ["", "?period=90d"])
def test_a_team_is_opened_from_the_list_and_leads_back(page: Page, site: str, view: str) -> None:
    page.goto(f"{site}/dashboard/teams{view}")
    page.locator("#teams").get_by_role("link", name="Engineering", exact=True).click()
    expect(page.locator("h1")).to_have_text("Team Engineering")
    expect(page.locator("#team-keys tbody tr").first).to_be_visible()
    page.get_by_role("link", name="All teams").click()
    expect(page.locator("h1")).to_have_text("Teams")
    expect(page.locator("#teams tbody tr")).to_have_count(6)
    assert page.url.endswith(f"/teams{view}")


def test_a_team_gets_a_customer(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/teams?period=90d")
    page.locator("#teams").get_by_role("link", name="Research", exact=True).click()
    customer = "Harbour Retail" if page.viewport_size == {"width": 1440, "height": 900} else "Lindgren Health"
    expect(page.locator("#today")).not_to_contain_text(customer)
    page.locator("#home-customer").click()
    page.get_by_role("option", name=customer, exact=True).locator("visible=true").click()
    page.get_by_role("button", name="Save from that day on").click()
    expect(page.locator("#home-said")).to_contain_text(f"Research belongs to {customer}")
    expect(page.locator("#today")).to_contain_text(customer)
    expect(page.locator("#owners-by-day")).to_contain_text("as the gateway says")
