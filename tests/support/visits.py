"""Pages that a browser visits, what it said meanwhile, and what axe finds on them."""

import gzip
from dataclasses import dataclass, field
from typing import Final, Literal

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import settled
from tests.support.paths import TESTS

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
AXE: Final = gzip.decompress((TESTS / "browser" / "axe.min.js.gz").read_bytes()).decode()


@dataclass
class Visit:
    """A browser's page, and what it said and whom it asked."""

    page: Page
    address: str
    said: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def to(self, path: str) -> Page:
        self.page.goto(f"{self.address}/dashboard/{path}")
        self.page.wait_for_selector("#page h1, #empty, .failed-page")
        return self.page


def visiting(chromium: Browser, site: str, width: int = 1440) -> Visit:
    visit = Visit(chromium.new_page(viewport={"width": width, "height": 900}), site)
    own = (site, "data:", "blob:")
    visit.page.on("request", lambda r: None if r.url.startswith(own) else visit.outside.append(r.url))
    visit.page.on("console", lambda m: visit.said.append(m.text) if m.type == "error" else None)
    visit.page.on("pageerror", lambda error: visit.said.append(str(error)))
    return visit


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out, of the page as it is in light and in dark."""
    page.evaluate(AXE)
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        settled(page)
        found += page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
