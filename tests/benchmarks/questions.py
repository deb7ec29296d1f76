"""How fast the overview's questions are answered, and what twice the events in the same slots change.

    python -m tests.benchmarks.questions [FOLDER] [--events 1000000] [--runs 20]

The ledgers are kept in FOLDER, so that only the first run makes them.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dashboard.query.question import QuestionText, SpendQuery, parse
from dashboard.query.run import run
from ingest.ledger.engine import Ledger
from tests.benchmarks.ledgers import make, opened

NOW: Final = datetime(2026, 10, 30, tzinfo=UTC)
QUARTER: Final = ("2026-08-01", "2026-10-30")
MONTH: Final = ("2026-10-01", "2026-10-30")
WEEK: Final = ("2026-10-12", "2026-10-19")

QUESTIONS: Final = {
    "totals, 90 days": QuestionText((), ("requests,total_cost,error_rate,latency_p95",), *QUARTER),
    "totals and the month before": QuestionText(
        (), ("requests,total_cost,error_rate,latency_p95",), *MONTH, compare="previous"
    ),
    "spend by day and model, 30 days": QuestionText(("time,model",), ("total_cost",), *MONTH, "day"),
    "spend by day and model, 90 days": QuestionText(("time,model",), ("total_cost",), *QUARTER, "day"),
    "top ten keys, 90 days": QuestionText(("virtual_key",), ("total_cost,requests",), *QUARTER, limit=10),
    "p95 by day, 90 days": QuestionText(("time",), ("latency_p95",), *QUARTER, "day"),
    "error rate by model, 90 days": QuestionText(("model",), ("error_rate",), *QUARTER),
    "spend by team, 90 days": QuestionText(("team",), ("total_cost",), *QUARTER),
    "one key by hour, 7 days": QuestionText(
        ("time",), ("total_cost,requests",), *WEEK, "hour", where=("virtual_key=vk-007",)
    ),
    "p95 by hour and model, 7 days": QuestionText(("time,model",), ("latency_p95",), *WEEK, "hour"),
}


def milliseconds(ledger: Ledger, query: SpendQuery, runs: int) -> list[float]:
    """How long each of so many answers took, after one to warm up."""
    run(ledger, query)
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        run(ledger, query)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def shown(taken: list[float]) -> str:
    high = statistics.quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]
    return "".join(f"{one:>9.1f}" for one in (min(taken), statistics.median(taken), high, max(taken)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "tallybook-questions"
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    for file, events in zip(make(arguments.folder, arguments.events), (1, 2), strict=True):
        print(
            f"{arguments.events * events:,} events, {file.stat().st_size >> 20} MB; milliseconds of {arguments.runs} runs"
        )
        print(f"{'':34}{'min':>9}{'median':>9}{'p95':>9}{'max':>9}")
        ledger = opened(file)
        for name, words in QUESTIONS.items():
            print(f"{name:34}{shown(milliseconds(ledger, parse(words, ledger.zone, NOW), arguments.runs))}")
        ledger.close()


if __name__ == "__main__":
    main()
