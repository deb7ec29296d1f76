"""A page in Chromium while the ledger is out of reach: it says so, asks again, and goes on by itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ingest.http import problems
from ingest.ledger.engine import Ledger
from tests.support.browser import served
from tests.support.calls import call, put
from tests.support.mishaps import another_file
from tests.support.visits import FOLLOW, visiting

pytestmark = pytest.mark.browser


def test_an_open_page_goes_on_by_itself_when_the_ledger_is_back(
    chromium: Browser, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "RETRY_AFTER", "1")
    put(embedded, [call(datetime.now(UTC).isoformat(), 10**12, model="gpt-4o")])
    with served(embedded) as site:
        visit = visiting(chromium, site)
        page = visit.to("")
        models = page.get_by_role("heading", name="Models", level=1, exact=True)
        notice = page.get_by_text("The ledger is out of reach, trying again.")
        with another_file(Path(str(embedded.engine.url.database))):
            page.evaluate(FOLLOW, "/dashboard/models")
            expect(notice).to_be_visible()
            expect(models).to_have_count(0)
        expect(models).to_be_visible()
        expect(notice).to_have_count(0)
        visit.page.context.close()
