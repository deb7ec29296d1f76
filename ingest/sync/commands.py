"""`tallybook sync`: what came of reading a gateway's own store, and how the command ends."""

import json
import sys
import time
from datetime import UTC, datetime
from threading import Event
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.intake.intake import make_decoder
from ingest.ledger.engine import open_ledger
from ingest.model.receipt import MAX_REJECTIONS, Receipt
from ingest.model.zone import instant, micros
from ingest.settings import Settings
from ingest.sync.follow import Sync, follow
from ingest.sync.gateway import GATEWAYS, Gateway, open_store
from ingest.sync.pull import Options, Report, Stopped
from ingest.sync.store import Store, StoreError
from ingest.terminal import ExitCode, console, say, stopping_on_signals, table, warn

_COUNTS: Final = ("records", "accepted", "duplicates", "revised", "rejected", "unpriced")
_NEWS: Final = ("accepted", "revised", "rejected")
_SHOWN_REJECTIONS: Final = 10


def run(
    gateway_name: str,
    url: str,
    *,
    since: str | None,
    every: float | None,
    source: str | None,
    as_json: bool,
) -> int:
    """Read the store at `url` into the ledger of the settings and say what came of it; the exit code."""
    settings = Settings()
    gateway = GATEWAYS.get(gateway_name)
    if gateway is None:
        return _wrong(f"there is no gateway {gateway_name!r}; there are {', '.join(GATEWAYS)}")
    with open_ledger(settings) as ledger:
        try:
            options = Options(source, since=None if since is None else _instant(since, ledger.zone.name))
            store = open_store(gateway, url, settings)
        except (StoreError, ValueError) as error:
            return _wrong(str(error))
        with stopping_on_signals() as stopping:
            sync = Sync(ledger, make_decoder(ledger), gateway, store, source)
            printer = _Printer(gateway, store, sync, as_json=as_json)
            try:
                return _run(printer, options, every, stopping)
            finally:
                store.close()


def _run(printer: "_Printer", options: Options, every: float | None, stopping: Event) -> int:
    failed = whole = False
    try:
        if every is None:
            with console(stderr=True).status(f"reading {printer.store.place}"):
                printer.sync.run(options, stopping.is_set)
        else:
            follow(printer.sync, options, every, stopping, printer.warn, printer.print_pass)
        whole = True
    except (Stopped, KeyboardInterrupt):
        pass
    except StoreError as error:
        failed = True
        printer.warn(str(error))
    printer.print_outcome()
    if failed:
        return ExitCode.FAILURE
    if not whole:
        printer.warn("interrupted: what is counted above is committed; run the same command again to go on")
        return ExitCode.INTERRUPTED
    is_rejected = any(report.receipt.rejected for report in printer.reports)
    return ExitCode.SOME_REJECTED if is_rejected else ExitCode.OK


class _Printer:
    """Prints the progress and the outcome of a sync."""

    def __init__(self, gateway: Gateway, store: Store, sync: Sync, *, as_json: bool) -> None:
        self.gateway = gateway
        self.store = store
        self.sync = sync
        self._as_json = as_json
        self._started = time.perf_counter()
        self._before = Receipt()

    @property
    def reports(self) -> list[Report]:
        return self.sync.outcome.reports

    def warn(self, message: str) -> None:
        """Print a message on standard error."""
        warn(f"tallybook: {message}")

    def print_pass(self) -> None:
        """Print the counts of a pass of a follower, if they are not all 0."""
        total, before = _total(self.reports), self._before
        self._before = total
        news = {name: getattr(total, name) - getattr(before, name) for name in _NEWS}
        if any(news.values()) and not self._as_json:
            counts = ", ".join(f"{count:,} {name}" for name, count in news.items() if count)
            say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {counts}")

    def print_outcome(self) -> None:
        """Print the counts of all passes."""
        seconds = time.perf_counter() - self._started
        if self._as_json:
            sys.stdout.write(json.dumps(self._object(seconds), indent=2) + "\n")
            sys.stdout.flush()
        else:
            self._print(seconds)

    def _object(self, seconds: float) -> dict[str, Any]:
        outcome = self.sync.outcome
        refusals = [_refusal(report, one) for report in self.reports for one in report.rejected_rows]
        return {
            "gateway": self.gateway.name,
            "store": self.store.place,
            "tables": [
                {
                    "table": report.table.name,
                    "format": report.table.format.name,
                    "newest": None if report.newest_at is None else instant(report.newest_at).isoformat(),
                    "waiting": report.waiting,
                    **_counts(report.receipt),
                }
                for report in self.reports
            ],
            **_counts(_total(self.reports)),
            "waiting": sum(report.waiting for report in self.reports),
            "directory": {name: getattr(outcome.entered, name) for name in ("added", "changed", "unchanged")},
            "passes": outcome.passes,
            "seconds": round(seconds, 3),
            "rejections": refusals[:MAX_REJECTIONS],
        }

    def _print(self, seconds: float) -> None:
        counts = table("table", *_COUNTS, numbers=_COUNTS)
        for report in self.reports:
            counts.add_row(report.table.name, *(f"{count:,}" for count in _counts(report.receipt).values()))
        if self.reports:
            console().print(counts)
        for report in self.reports:
            self._print_refusals(report)
        total = _total(self.reports)
        for count, what in (
            (total.unpriced, "calls have no price: they count as unpriced, not as 0"),
            (sum(report.waiting for report in self.reports), "calls have not ended: they are read again"),
            (self.sync.outcome.entered.added, "keys, teams and customers are new in the directory"),
        ):
            if count:
                say(f"{count:,} {what}")
        speed = total.records / seconds if seconds else 0
        say(f"{total.records:,} rows read in {seconds:.1f} s ({speed:,.0f}/s)")

    def _print_refusals(self, report: Report) -> None:
        for one in report.rejected_rows[:_SHOWN_REJECTIONS]:
            said = one.rejection
            field = f" {said.field}:" if said.field else ""
            line = f"{report.table.name} {one.key}: rejected ({said.code}):{field} {said.reason}"
            say(line)
        if (more := report.receipt.rejected - _SHOWN_REJECTIONS) > 0:
            say(f"{report.table.name}: {more:,} more rejected; see `tallybook rejected list`")


def _refusal(report: Report, one: Any) -> dict[str, Any]:
    said = one.rejection
    return {
        "table": report.table.name,
        "key": one.key,
        "code": said.code,
        "field": said.field,
        "reason": said.reason,
    }


def _total(reports: list[Report]) -> Receipt:
    total = Receipt()
    for report in reports:
        total.add(report.receipt)
    return total


def _counts(receipt: Receipt) -> dict[str, int]:
    return {name: getattr(receipt, name) for name in _COUNTS}


def _instant(said: str, zone: str) -> int:
    """The instant that `--since` means; a date or a time without a zone is one of the reporting zone."""
    try:
        when = datetime.fromisoformat(said)
    except ValueError:
        raise ValueError(
            f"--since {said}: give a date as 2026-10-01 or a time as 2026-10-01T08:00:00Z"
        ) from None
    return micros(when if when.tzinfo else when.replace(tzinfo=ZoneInfo(zone)))


def _wrong(message: str) -> int:
    warn(f"tallybook: {message}")
    return ExitCode.USAGE
