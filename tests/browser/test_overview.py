"""The overview in Chromium: what it shows, where its state is, and that it asks nobody else for anything."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dash import Dash
from playwright.sync_api import Page, expect

from dashboard.pages.app import make_dashboard
from dashboard.ui import charts
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from tests.support.browser import served
from tests.support.calls import a_ledger, call, put
from tests.support.visits import SCHEMES, Visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    def days_ago(days: int) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat()

    calls = [
        call(
            days_ago(n % 20),
            1_250_000_000_000 + n,
            model=f"model-{n % 3}",
            provider="openai",
            latency_us=1_000_000 * (n + 1),
        )
        for n in range(30)
    ]
    unknown = call(
        days_ago(1), None, model="unheard-of", virtual_key="vk-1", virtual_key_name="Search <b>bold</b>"
    )
    old = call("2020-05-05T12:00:00Z", 1)
    with a_ledger(Path(tmp_path_factory.mktemp("site"))) as opened:
        put(opened, [*calls, unknown, old])
        roll(opened)
        yield opened


@pytest.fixture(scope="module")
def site(ledger: Ledger) -> Iterator[str]:
    """The site, served."""
    with served(ledger) as address:
        yield address


def test_the_overview_shows_totals_charts_and_a_table(sized: Visit, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(sized.address)
    expect(page.locator("#totals")).to_contain_text("37.50 USD")
    expect(page.locator("#unpriced")).to_contain_text("1 call has no known price and is in no sum")
    expect(page.locator("#models tbody tr")).to_have_count(4)
    expect(page.locator("#models")).to_contain_text("no known price")
    for chart in ("spend-over-time", "spend-by-key", "latency-over-time"):
        expect(page.locator(f"#{chart} .main-svg").first).to_be_visible()
    assert page.url == f"{sized.address}/dashboard/"
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
    assert sized.foreign_urls == []


def test_the_state_is_in_the_url(visit: Visit) -> None:
    page = visit.to("")
    page.get_by_text("90 days").click()
    page.wait_for_url("**/dashboard/?period=90d")
    page.locator("#filter-model").click()
    page.get_by_role("option", name="model-1", exact=True).click()
    page.wait_for_url("**/dashboard/?period=90d&model=model-1")
    expect(page.locator("#models tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#models tbody tr")).to_have_count(4)
    visit.to("?model=model-2&model=model-1&period=7d")
    expect(page.locator("#models tbody tr")).to_have_count(2)
    expect(page.locator("#filter-preset input:checked")).to_have_value("7d")


def test_a_name_is_shown_as_it_is(visit: Visit) -> None:
    page = visit.follow("")
    expect(page.locator("#spend-by-key")).to_contain_text("Search <b>bold</b>")


def test_nothing_in_view_leads_to_what_there_is(visit: Visit) -> None:
    page = visit.follow("?from=2021-01-01&to=2021-01-02")
    expect(page.locator("#empty")).to_contain_text("No calls in this view")
    page.get_by_role("link", name="Show the 30 days up to then").click()
    page.wait_for_selector("#totals")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere", "There is no page at this address"),
        ("?interval=hour&from=2000-01-01&to=2026-01-01", "use a longer one"),
    ],
)
def test_a_page_that_cannot_be_shown_says_why(visit: Visit, path: str, says: str) -> None:
    page = visit.to(path)
    expect(page.locator(".failed-page")).to_contain_text(says)


def test_dark_and_light_can_be_chosen(visit: Visit) -> None:
    page = visit.follow("alerts")
    page.locator("#colour-scheme").click()
    page.reload()
    page.wait_for_selector("#page h1")
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"
    page.locator("#colour-scheme").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")


def test_charts_have_no_button_that_uploads() -> None:
    assert charts.CONFIG["showSendToCloud"] is False
    assert charts.CONFIG["displaylogo"] is False


@pytest.fixture
def app(ledger: Ledger) -> Dash:
    return make_dashboard(ledger)


def test_every_callback_on_the_server_is_a_coroutine(app: Dash) -> None:
    callbacks = [entry["callback"] for entry in app.callback_map.values() if "callback" in entry]
    assert len(callbacks) >= 3
    assert all(
        inspect.iscoroutinefunction(inspect.unwrap(callback)) or inspect.iscoroutinefunction(callback)
        for callback in callbacks
    )
