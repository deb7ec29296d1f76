"""How soon each page of the sample ledger shows its first figure and is whole, in Chromium, first and again.

python -m tests.benchmarks.pages [--events 40000] [--days 90] [--runs 5]
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from dashboard.demo.command import run as make_demo
from tests.benchmarks.serving import SECRET, served

PAGES: Final = {
    "Overview": ("", "#totals .card-value", ".main-svg"),
    "Models": ("models", "#models td.number", ".main-svg"),
    "Virtual keys": ("keys", "#totals .card-value", ".main-svg"),
    "Latency": ("latency", "#totals .card-value", ".main-svg"),
    "Requests": ("requests", "#totals .card-value", ".ag-row [col-id=model]"),
}
WATCH: Final = """([first, last]) => {
    const whole = () => document.querySelector(last) && !document.querySelector(".waiting")
        && [...document.querySelectorAll(".js-plotly-plot, .dash-graph")].every((one) => one.querySelector(".main-svg"));
    window.came = {};
    new MutationObserver(() => {
        const now = performance.now() / 1000;
        if (document.querySelector(first)) came.first ??= now;
        if (whole()) came.whole ??= now;
    }).observe(document, { childList: true, subtree: true });
}"""
"""Notes when a page's parts stand in it: asked from outside, the page would answer only when it has time."""


def seconds(context: BrowserContext, address: str, path: str, first: str, last: str) -> tuple[float, float]:
    """When the first figure and the whole page were there, in seconds since the navigation began."""
    page = context.new_page()
    page.add_init_script(f"({WATCH})({json.dumps([first, last])})")
    page.goto(f"{address}/dashboard/{path}", wait_until="commit")
    page.wait_for_function("came.whole")
    came = page.evaluate("came")
    page.close()
    return came["first"], came["whole"]


def timed(browser: Browser, address: str, page: tuple[str, str, str], runs: int) -> list[tuple[float, ...]]:
    """The figures of so many new visitors, each seeing the page twice."""
    found: list[tuple[float, ...]] = []
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
        found.append((*seconds(context, address, *page), *seconds(context, address, *page)))
        context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["TALLYBOOK_SECRET_KEY"] = SECRET
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.db"
        make_demo(events=arguments.events, days=arguments.days, path=str(file), quiet=True)
        with served(file) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            print(
                f"{arguments.events:,} events of {arguments.days} days; seconds, median of {arguments.runs}"
            )
            print(f"{'':14}{'first figure':>14}{'whole':>8}{'again: first':>14}{'whole':>8}")
            for name, page in PAGES.items():
                columns = zip(*timed(browser, address, page, arguments.runs), strict=True)
                shown = [statistics.median(column) for column in columns]
                print(
                    f"{name:14}"
                    + "".join(f"{one:>{width}.2f}" for one, width in zip(shown, (14, 8, 14, 8), strict=True))
                )
            browser.close()


if __name__ == "__main__":
    main()
