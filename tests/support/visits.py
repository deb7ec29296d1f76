"""Visits of pages with a browser: their errors, their requests to other hosts, and the findings of axe."""

import gzip
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, Response, expect

from tests.support.browser import settled
from tests.support.paths import TESTS

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
AXE: Final = gzip.decompress((TESTS / "browser" / "axe.min.js.gz").read_bytes()).decode()
FOLLOW: Final = """address => {
    history.pushState({}, "", address);
    dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
}"""
"""What a link of Dash does when it is clicked."""


@dataclass
class Visit:
    """A page of the browser, with its errors and its requests to other hosts."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    foreign_urls: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(f"{self.address}/dashboard/{path}")
        self.page.wait_for_selector("#page h1, #empty, .failed-page")
        return self.page

    def follow(self, path: str) -> Page:
        """Go to an address below the dashboard as its links do: nothing is loaded that is there."""
        address = f"/dashboard/{path}"
        if not self.page.url.startswith(self.address) or self.page.url == f"{self.address}{address}":
            return self.to(path)
        with self.page.expect_response(_renews_the_page):
            self.page.evaluate(FOLLOW, address)
        expect(self.page.locator("#page[data-dash-is-loading]")).to_have_count(0)
        return self.page


def _renews_the_page(response: Response) -> bool:
    return "page.children" in (response.request.post_data or "")


def visiting(chromium: Browser, site: str, width: int = 1440) -> Visit:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    visit = Visit(context.new_page(), site)
    own = (site, "data:", "blob:")
    visit.page.on("request", lambda r: None if r.url.startswith(own) else visit.foreign_urls.append(r.url))
    visit.page.on("console", lambda m: visit.errors.append(m.text) if m.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    return visit


def serious_violations(page: Page) -> list[str]:
    """The serious and critical violations that axe finds on the page, in light and in dark."""
    page.evaluate(AXE)
    violations: list[Any] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        settled(page)
        violations += page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:3]
    ]
