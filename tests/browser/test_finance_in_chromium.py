"""The pages of finance in Chromium: a month is shared, closed and reopened, an invoice is accepted."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.query.calendar import Month, month_of, of_month
from dashboard.reconciliation.invoices.line import InvoiceLine
from dashboard.reconciliation.invoices.store import add_lines
from ingest.clock import now
from ingest.ledger.engine import Ledger

pytestmark = pytest.mark.browser
UNIT = 10**12


def last_month() -> Month:
    return month_of(datetime.now(UTC).date()).plus(-1)


def charged(ledger: Ledger) -> None:
    """A fee to share, and an invoice of OpenAI, in the last month."""
    first, end = of_month(last_month()).days
    start = ledger.zone.midnight(first)
    with ledger.writing() as connection:
        fee = Fee(
            name="seats", kind="platform", amount=90 * UNIT, currency="USD", start=start, recorded_at=now()
        )
        add_fees(connection, [fee])
        line = InvoiceLine(
            provider="openai", first_day=first, end_day=end, amount=500 * UNIT, currency="USD", source="table"
        )
        add_lines(connection, [line])


@pytest.fixture(scope="module")
def site(changed_sample: Ledger, changed_site: str) -> str:
    charged(changed_sample)
    return changed_site


def test_a_month_is_chosen_shared_closed_and_opened_again(page: Page, site: str) -> None:
    month = last_month()
    page.goto(f"{site}/dashboard/chargeback")
    page.locator("#chargeback-month").click()
    page.get_by_role("option", name=str(month), exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Chargeback {month}")
    assert f"from={month}-01" in page.url
    share(page, f"in proportion to {'tokens' if page.viewport_size['width'] == 1440 else 'requests'}")  # type: ignore[index]
    page.get_by_role("button", name=f"Close {month}").click()
    expect(page.locator("#period-said")).to_contain_text("say why it is closed")
    page.locator("#period-reason").fill("a trial model")
    page.get_by_role("button", name=f"Close {month}").click()
    expect(page.locator("#period-status")).to_have_text("closed")
    expect(page.locator("#period-history")).to_contain_text("a trial model")
    with page.expect_download() as kept:
        page.locator("#downloads").get_by_role("link", name="PDF").click()
    assert re.fullmatch(rf"chargeback-{month}-statement-\d+\.pdf", kept.value.suggested_filename)
    page.locator("#period-reason").fill("once more")
    page.get_by_role("button", name=f"Open {month} again").click()
    expect(page.locator("#period-status")).to_have_text("open")


def share(page: Page, method: str) -> None:
    page.locator("#allocate-method").click()
    page.get_by_role("option", name=method).click()
    page.locator("#allocate-set").click()
    expect(page.locator("#allocations")).to_contain_text(method)


@pytest.mark.parametrize("sized", [1440], indirect=True)
def test_an_invoice_is_compared_and_accepted(page: Page, site: str) -> None:
    month = last_month()
    page.goto(f"{site}/dashboard/reconciliation?from={month}-01&to={month}-28")
    row = page.locator("#reconciliation tbody tr", has_text="openai")
    expect(row).to_be_visible()
    page.locator("#accept-provider").click()
    page.get_by_role("option", name="openai", exact=True).click()
    page.locator("#accept-book").click()
    expect(page.locator("#accept-said")).to_contain_text("say why")
    page.locator("#accept-reason").fill("keys of the lab")
    page.locator("#accept-book").click()
    expect(row.get_by_text("agrees", exact=True)).to_be_visible()
