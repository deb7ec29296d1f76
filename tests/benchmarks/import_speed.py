"""How fast records become rows: `tallybook import` beside sqlite-utils and pandas, on one file in one run.

    python -m tests.benchmarks.import_speed [FILE] [--records 1000000] [--others 100000]

FILE is made where it is missing. The other two read its first `--others` records only, because they are slow;
they flatten the JSON into columns and know no duplicates, prices or rollups.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from tests.benchmarks.process import Run, measure
from tests.benchmarks.responses import RECORDS, write

OTHERS: Final = 100_000

_PANDAS: Final = """
import itertools, json, sqlite3, sys
import pandas as pd
with open(sys.argv[1]) as file, sqlite3.connect(sys.argv[2]) as connection:
    while lines := list(itertools.islice(file, 10_000)):
        frame = pd.json_normalize([json.loads(line) for line in lines])
        frame["choices"] = frame["choices"].map(json.dumps)
        frame.to_sql("responses", connection, if_exists="append", index=False)
"""


@dataclass(frozen=True)
class Line:
    name: str
    records: int
    seconds: float
    run: Run


def tallybook(file: Path, records: int, folder: Path) -> list[Line]:
    """The whole command, and the part of it until every record was committed (the rest is making rollups)."""
    environment = {"TALLYBOOK_DATABASE_URL": f"sqlite:///{folder}/tallybook.db"}
    run = measure([_beside_python("tallybook"), "import", str(file), "--json"], environment)
    answer = json.loads(run.output)
    if answer["accepted"] != records:
        raise SystemExit(f"{answer['accepted']} records of {records} were accepted")
    return [
        Line("tallybook import", records, run.seconds, run),
        Line("  until all is committed", records, answer["seconds"], run),
    ]


def sqlite_utils(file: Path, records: int, folder: Path) -> Line:
    database = str(folder / "sqlite-utils.db")
    command = [
        _beside_python("sqlite-utils"),
        "insert",
        database,
        "responses",
        str(file),
        "--nl",
        "--flatten",
    ]
    run = measure(command)
    return Line("sqlite-utils insert --nl --flatten", records, run.seconds, run)


def pandas(file: Path, records: int, folder: Path) -> Line:
    run = measure([sys.executable, "-c", _PANDAS, str(file), str(folder / "pandas.db")])
    return Line("pandas json_normalize + to_sql", records, run.seconds, run)


def _beside_python(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _first_lines(file: Path, records: int, to: Path) -> Path:
    with file.open("rb") as source, to.open("wb") as out:
        out.writelines(islice(source, records))
    return to


def show(lines: list[Line]) -> None:
    print(f"{'':36}{'records':>11}{'seconds':>10}{'records/s':>11}{'cpu s':>8}{'main MB':>9}{'all MB':>8}")
    for line in lines:
        speed, run = line.records / line.seconds, line.run
        print(
            f"{line.name:36}{line.records:>11,}{line.seconds:>10.1f}{speed:>11,.0f}"
            f"{run.processor_seconds:>8.1f}{run.main_megabytes:>9.0f}{run.megabytes:>8.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "tallybook-responses.jsonl"
    )
    parser.add_argument("--records", type=int, default=RECORDS, help="how many the file gets, if it is made")
    parser.add_argument(
        "--others", type=int, default=OTHERS, help="how many the other tools read; 0 for none"
    )
    arguments = parser.parse_args()
    file: Path = arguments.file
    if not file.exists():
        write(file, arguments.records)
    with file.open("rb") as lines:
        records = sum(1 for _ in lines)
    with tempfile.TemporaryDirectory(prefix="tallybook-bench-", dir=file.parent) as name:
        folder = Path(name)
        shown = tallybook(file, records, folder)
        if others := min(arguments.others, records):
            few = _first_lines(file, others, folder / "few.jsonl")
            shown += [sqlite_utils(few, others, folder), pandas(few, others, folder)]
    show(shown)


if __name__ == "__main__":
    main()
