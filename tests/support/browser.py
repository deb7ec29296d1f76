"""Chromium, a site that is served, and a sample ledger: each once for all tests of the browser."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pydantic import SecretStr

from dashboard.alerts.notify import check
from dashboard.demo.command import run as make_demo
from dashboard.server.site import make_site
from ingest.clock import now
from ingest.ledger.engine import Ledger, open_ledger
from ingest.settings import Settings, sqlite_url

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PATIENCE = 30_000
"""Milliseconds the browser may take on a busy machine; Playwright's own limit for all but expectations."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Chromium is skipped, and says so, where there is none."""
    if CHROMIUM is not None:
        return
    skipped = pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium")
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(skipped)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, whose reader wants no motion: what waits does not pulse, so the page is not redrawn."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        with pytest.MonkeyPatch.context() as patch:
            for make in ("new_page", "new_context"):
                patch.setattr(browser, make, partial(getattr(browser, make), reduced_motion="reduce"))
            yield browser
        browser.close()


def settled(page: Page) -> None:
    """Waits until nothing is loaded any more and nothing moves."""
    page.wait_for_load_state("networkidle")
    for _ in range(PATIENCE // 50):
        if not page.evaluate("document.getAnimations().some(one => one.playState === 'running')"):
            return
        page.wait_for_timeout(50)


@contextmanager
def served(ledger: Ledger, **changed: Any) -> Iterator[str]:
    """The address of the site of a ledger, with some settings changed."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings = Settings(secret_key=SecretStr("of the tests"), port=port, **changed)
    server = uvicorn.Server(uvicorn.Config(make_site(ledger, settings), log_level="warning", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@contextmanager
def sample_ledger(folder: Path, events: int, days: int) -> Iterator[Ledger]:
    """Sample traffic up to today, and what fires of it."""
    path = folder / "sample.db"
    assert make_demo(events=events, days=days, path=str(path), quiet=True) == 0
    with open_ledger(Settings(database_url=sqlite_url(path))) as ledger:
        check(ledger, now())
        yield ledger


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Sample traffic of 45 days."""
    with sample_ledger(tmp_path_factory.mktemp("sample"), 4_000, 45) as ledger:
        yield ledger


@pytest.fixture(scope="session")
def changed_sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Sample traffic of 70 days, for tests that close months, set prices and move keys."""
    with sample_ledger(tmp_path_factory.mktemp("changed"), 2_000, 70) as ledger:
        yield ledger


@pytest.fixture(scope="session")
def changed_site(changed_sample: Ledger) -> Iterator[str]:
    """The address of the site that shows it."""
    with served(changed_sample) as address:
        yield address


@pytest.fixture(scope="session")
def site(sample: Ledger) -> Iterator[str]:
    """The address of the site that shows the sample."""
    with served(sample) as address:
        yield address
