"""How long a month of 1,000,000 calls takes to export for FOCUS, and how much memory.

    python -m tests.benchmarks.focus_export [FOLDER] [--events 3000000]

The ledger holds 90 days, so that three times as many calls make a month of so many. It is kept in FOLDER,
so that only the first run makes it.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Final

from dashboard.focus.export import export_to_files
from dashboard.focus.parse_request import FORMS, ExportOptions, read_request
from tests.benchmarks.ledgers import make_one, opened

MONTH: Final = "2026-10"


def main() -> None:
    """Export the month once in each format and profile."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "tallybook-bench"
    )
    asked.add_argument("--events", type=int, default=3_000_000)
    said = asked.parse_args()
    with opened(make_one(said.folder, said.events)) as ledger, tempfile.TemporaryDirectory() as folder:
        for profile in ("chargeback", "provider"):
            for form in FORMS:
                request = read_request(ExportOptions(period=MONTH, profile=profile, form=form), ledger.zone)
                out = Path(folder) / f"focus.{form}"
                started = time.perf_counter()
                done = export_to_files(ledger, request.scope, request.version, form, out)
                taken = time.perf_counter() - started
                size = out.stat().st_size / 2**20
                print(f"{profile:<11} {form:<8} {done.rows:>9,} rows {taken:6.1f} s {size:7.1f} MiB")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB of memory")


if __name__ == "__main__":
    main()
