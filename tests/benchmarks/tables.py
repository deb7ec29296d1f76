"""How fast rows of a mapped table become rows of the ledger: the same calls as CSV and as Parquet.

    python -m tests.benchmarks.tables [--rows 500000]

The two files and the mapping are made anew; prices, duplicates and rollups are as for any import.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.process import measure

HEADER: Final = (
    "time", "id", "provider", "model", "type", "input", "output", "cached", "cost", "latency", "status", "key",
    "team", "feature",
)  # fmt: skip
MAPPING: Final = """
source = "bench"
[tokens]
cache_in_input = true
[event]
occurred_at = "time"
event_id = "id"
provider = "provider"
model = "model"
request_type = "type"
input_tokens = "input"
output_tokens = "output"
cache_read_tokens = "cached"
latency = { column = "latency", unit = "ms" }
status = "status"
virtual_key = "key"
team = "team"
[labels]
feature = "feature"
[cost]
currency = "USD"
total = "cost"
"""


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Calls of 28 days, 40 keys and 9 teams."""
    for n in range(count):
        yield (
            f"2026-10-{1 + n % 28:02d}T09:15:{n % 60:02d}Z", f"call-{n}", "openai", "gpt-4o-mini", "chat_completion",
            100 + n % 97, 10 + n % 13, n % 50, f"0.00{n % 97 + 1}", 500 + n % 900, "success", f"vk-{n % 40}",
            f"team-{n % 9}", f"search, {n % 5}",
        )  # fmt: skip


def write(folder: Path, count: int) -> list[Path]:
    """The calls as CSV and as Parquet."""
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    as_csv, as_parquet = folder / "calls.csv", folder / "calls.parquet"
    with as_csv.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(count))
    parquet.write_table(arrow_csv.read_csv(as_csv), as_parquet)
    return [as_csv, as_parquet]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=500_000)
    count = parser.parse_args().rows
    print(f"{'':16}{'rows':>10}{'MB':>6}{'seconds':>9}{'rows/s':>9}{'cpu s':>8}{'main MB':>9}{'all MB':>8}")
    with tempfile.TemporaryDirectory(prefix="tallybook-bench-") as name:
        folder = Path(name)
        (folder / "map.toml").write_text(MAPPING)
        for file in write(folder, count):
            environment = {"TALLYBOOK_DATABASE_URL": f"sqlite:///{folder}/{file.suffix[1:]}.db"}
            command = [str(Path(sys.executable).with_name("tallybook")), "import", str(file), "--json"]
            run = measure([*command, "--mapping", str(folder / "map.toml")], environment)
            answer = json.loads(run.output)
            if answer["accepted"] != count:
                raise SystemExit(f"{answer['accepted']} rows of {count} were accepted")
            seconds = answer["seconds"]
            print(
                f"{file.name:16}{count:>10,}{file.stat().st_size / 1e6:>6.0f}{seconds:>9.1f}{count / seconds:>9,.0f}"
                f"{run.processor_seconds:>8.1f}{run.main_megabytes:>9.0f}{run.megabytes:>8.0f}"
            )


if __name__ == "__main__":
    main()
