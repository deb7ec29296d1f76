"""Signing in and out in Chromium: with a token, with OpenID Connect, and after the end of a session."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from ingest.ledger.engine import Ledger
from tests.support.browser import served
from tests.support.oidc_provider import provider
from tests.support.visits import Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the provider of identities
]
ADMIN = "correct horse battery staple"


@pytest.fixture(scope="module")
def site(sample: Ledger) -> Iterator[str]:
    """A site that asks who comes, with a provider that says ada is of the engineers."""
    with provider(groups=["engineers"]) as issuer:
        about: dict[str, Any] = {
            "admin_token": SecretStr(ADMIN),
            "oidc_issuer": issuer,
            "oidc_client_id": "tallybook",
            "oidc_client_secret": SecretStr("between us"),
            "oidc_roles": "engineers=read:team-search",
        }
        with served(sample, **about) as address:
            yield address


@pytest.fixture
def page(sized: Visit) -> Page:
    """A page of a browser that nobody has signed in with."""
    sized.page.context.clear_cookies()
    return sized.page


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_token_opens_the_page_that_was_asked_for(page: Page, site: str) -> None:
    errors: list[str] = []
    page.goto(f"{site}/dashboard/models?period=7d")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("This token opens nothing here")
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    sign_in(page, ADMIN)
    page.wait_for_url("**/dashboard/models?period=7d")
    expect(page.locator("#models")).to_be_visible()
    expect(page.locator("#who")).to_have_text("admin token")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate("document.cookie") == ""
    assert errors == []


@pytest.mark.parametrize("sized", [1440], indirect=True)
def test_who_signs_out_is_out_in_every_tab(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/")
    sign_in(page, ADMIN)
    other = page.context.new_page()
    other.goto(f"{site}/dashboard/keys")
    expect(other.locator("#keys")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    other.get_by_role("link", name="Latency").click()
    other.wait_for_url("**/sign-in?next=%2Fdashboard%2Flatency*")
    sign_in(other, ADMIN)
    other.wait_for_url("**/dashboard/latency*")
    expect(other.locator("#latency-over-time")).to_be_visible()
    other.close()


def test_a_person_of_one_team_signs_in_with_the_provider_and_sees_that_team(page: Page, site: str) -> None:
    page.goto(f"{site}/dashboard/keys")
    page.get_by_role("link", name="Sign in with").click()
    page.locator("input[name=sub]").fill("ada")
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url("**/dashboard/keys")
    expect(page.locator("#who")).to_have_text("ada@example.com")
    expect(page.locator("#keys")).to_be_visible()
    expect(page.locator("#pages")).to_contain_text("Budgets")
    expect(page.locator("#pages")).not_to_contain_text("Chargeback")
    page.get_by_role("link", name="Budgets").click()
    expect(page.locator("#budgets tbody tr")).to_have_count(1)
    expect(page.locator("#budgets")).to_contain_text("team Search")
    page.goto(f"{site}/dashboard/chargeback")
    expect(page.locator(".failed-page")).to_contain_text("This is not shown to you")
