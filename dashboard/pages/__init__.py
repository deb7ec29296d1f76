"""The pages: each turns questions about the ledger into components, and contains no SQL.

A page is a module with a function `content(ledger, view)` that returns components, and with the parts that
the browser requests once the page is shown. Each of these functions runs in a thread.
"""

from dataclasses import dataclass
from typing import Final

from dashboard.pages import alerts, budgets, latency, models, overview, reconciliation, virtual_keys, whatif
from dashboard.pages.chargeback import page as chargeback
from dashboard.pages.prices import page as prices
from dashboard.pages.requests import page as requests
from dashboard.pages.teams import page as teams
from dashboard.ui.components import Content, part_name
from ingest.model.principal import Scope, current_principal


@dataclass(frozen=True)
class Page:
    """One page of the dashboard."""

    path: str
    title: str
    content: Content
    parts: tuple[Content, ...] = ()
    is_filtered: bool = True
    """Whether the filters of the view apply to the page."""
    scope: Scope = "read"
    """The scope that a reader needs to see the page."""
    is_whole: bool = False
    """Whether the page shows the calls of all teams, and is closed to readers limited to some teams."""

    @property
    def is_open(self) -> bool:
        """Whether the current reader may see the page."""
        principal = current_principal()
        return principal.may(self.scope) and (principal.sees_all or not self.is_whole)


NOT_OPEN: Final = "This is not shown to you: your token sees some teams alone, or it may not do this."
PAGES: Final = (
    Page("", "Overview", overview.content, overview.PARTS),
    Page("models", "Models", models.content, models.PARTS),
    Page("keys", "Virtual keys", virtual_keys.content, virtual_keys.PARTS),
    Page("teams", "Teams", teams.content, is_whole=True),
    Page("latency", "Latency", latency.content, latency.PARTS),
    Page("requests", "Requests", requests.content),
    Page("prices", "Prices", prices.content, prices.PARTS, is_whole=True),
    Page("budgets", "Budgets", budgets.content, budgets.PARTS, is_filtered=False),
    Page("alerts", "Alerts", alerts.content, is_filtered=False),
    Page("chargeback", "Chargeback", chargeback.content, is_filtered=False, scope="finance"),
    Page("reconciliation", "Reconciliation", reconciliation.content, is_filtered=False, scope="finance"),
    Page("what-if", "What if", whatif.content, whatif.PARTS),
)


PARTS: Final = {part_name(part): (page, part) for page in PAGES for part in page.parts}
"""Every part with its page, by the name under which the browser requests it."""


def page_at(path: str) -> Page | None:
    """The page at a path below the dashboard's root, or None."""
    return next((page for page in PAGES if page.path == path.strip("/")), None)


def is_open(path: str) -> bool:
    """Whether the path has a page that the current reader may see."""
    page = page_at(path)
    return page is not None and page.is_open
