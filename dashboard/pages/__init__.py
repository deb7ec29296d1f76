"""The pages: each knows what it asks and how it shows the answer, and no SQL.

A page is a module with a function `content(ledger, view)`, which answers with components. It runs in a thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dashboard.filters import View
from dashboard.pages import latency, models, overview, requests, virtual_keys
from ingest.ledger.engine import Ledger


@dataclass(frozen=True)
class Page:
    """One page of the dashboard."""

    path: str
    title: str
    content: Callable[[Ledger, View], Any]


PAGES: Final = (
    Page("", "Overview", overview.content),
    Page("models", "Models", models.content),
    Page("keys", "Virtual keys", virtual_keys.content),
    Page("latency", "Latency", latency.content),
    Page("requests", "Requests", requests.content),
)


def page_at(path: str) -> Page | None:
    """The page at a path below the dashboard's own."""
    return next((page for page in PAGES if page.path == path.strip("/")), None)
