"""Fixtures of the tests in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.oidc_provider import provider
from tests.support.visits import Visit, visiting

__all__ = ["provider"]


@pytest.fixture(scope="module")
def visit(chromium: Browser, site: str) -> Iterator[Visit]:
    """A wide page of the site of the sample ledger."""
    visit = visiting(chromium, site)
    yield visit
    visit.page.close()
