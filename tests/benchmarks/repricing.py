"""How fast stored calls are priced again: looked at, and looked at and changed.

python -m tests.benchmarks.repricing [--events 200000]
"""

import argparse
import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from dashboard.demo.command import run as make_demo
from ingest.ledger import price_book
from ingest.ledger.engine import open_ledger
from ingest.price_book import repricing
from ingest.price_book.reprice_runs import Scope
from ingest.pricing.point import ANY, OWN, PricePoint
from ingest.settings import Settings, sqlite_url
from tests.benchmarks.serving import SECRET


def main() -> None:
    """Print a line for a run that changes nothing and one for a run that changes most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    arguments = parser.parse_args()
    os.environ["TALLYBOOK_SECRET_KEY"] = SECRET
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.db"
        make_demo(events=arguments.events, days=90, path=str(file), quiet=True)
        with open_ledger(Settings(database_url=sqlite_url(file))) as ledger:
            dearer = PricePoint(
                source=OWN, provider=ANY, model=ANY, meter="input", price=Decimal(7), per=1_000_000
            )
            for name in ("nothing changes", "a price for all models"):
                started = time.perf_counter()
                done = repricing.reprice(ledger, Scope(), "benchmark")
                seconds = time.perf_counter() - started
                speed = f"{done.examined / seconds:,.0f} calls/s"
                print(
                    f"{name:24}{done.examined:>10,} looked at{done.changed:>10,} changed{seconds:>8.1f} s  {speed}"
                )
                with ledger.writing() as connection:
                    price_book.add_points(connection, [dearer])


if __name__ == "__main__":
    main()
