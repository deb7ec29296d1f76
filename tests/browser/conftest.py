"""Fixtures of the tests in Chromium: pages that the tests of a module share, as a new page costs seconds."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.oidc_provider import provider
from tests.support.visits import Visit, visiting

__all__ = ["provider"]


@pytest.fixture(scope="module")
def visit(chromium: Browser, site: str) -> Iterator[Visit]:
    """A wide page of the site of the sample ledger, or of the site that the module names."""
    visit = visiting(chromium, site)
    yield visit
    visit.page.context.close()


@pytest.fixture(scope="module", params=[1440, pytest.param(390, marks=pytest.mark.long)])
def sized(request: pytest.FixtureRequest, chromium: Browser, site: str) -> Iterator[Visit]:
    """A wide page of the site, and in the long tests a narrow page."""
    visit = visiting(chromium, site, request.param)
    yield visit
    visit.page.context.close()


@pytest.fixture
def page(sized: Visit) -> Iterator[Page]:
    """The page of `sized`, which must be without errors and no wider than its window when the test ends."""
    sized.errors.clear()
    yield sized.page
    width = sized.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] == width[1]
    assert sized.errors == []
