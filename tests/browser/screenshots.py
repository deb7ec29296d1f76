"""Makes the pictures of the documentation, on a sample ledger of its own.

python -m tests.browser.screenshots [--out docs/images]
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import CHROMIUM, sample_ledger, served
from tests.support.paths import DOCS

WIDTH: Final = 1280
PICTURES: Final = (
    ("overview-light", "", "light", 1_010),
    ("overview-dark", "", "dark", 1_010),
    ("latency-light", "latency", "light", 1_010),
    ("chargeback-light", "chargeback?period=last-month", "light", 1_010),
    ("budgets-light", "budgets", "light", 1_010),
    ("request-light", "requests?model=claude-sonnet-5-5", "light", 1_010),
)


def take(browser: Browser, address: str, name: str, path: str, scheme: Any, height: int, out: Path) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme=scheme, device_scale_factor=1.5
    )
    page = context.new_page()
    page.goto(f"{address}/dashboard/{path}")
    page.wait_for_selector("#page h1")
    page.wait_for_function("!document.querySelector('.waiting')")
    page.wait_for_timeout(600)
    if path.startswith("requests"):
        page.locator(".ag-row [col-id=model]").nth(5).click()
        page.wait_for_selector("#call")
        page.wait_for_timeout(600)
    page.screenshot(path=out / f"{name}.png")
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DOCS / "images")
    out = parser.parse_args().out
    with (
        tempfile.TemporaryDirectory() as folder,
        sample_ledger(Path(folder), 40_000, 90) as ledger,
        served(ledger) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, path, scheme, height in PICTURES:
            take(browser, address, name, path, scheme, height, out)
        browser.close()


if __name__ == "__main__":
    main()
