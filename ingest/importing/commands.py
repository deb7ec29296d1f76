"""`tallybook import`: the progress bar, the report, the exit code."""

import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from ingest.files.archives import members
from ingest.files.passed_over import PassedOver
from ingest.files.paths import NoSuchPath, Source, sources
from ingest.importing.format_choice import WrongChoice, choice
from ingest.importing.importer import FileReport, Importer, ImportOptions, Interrupted
from ingest.ledger import rollups
from ingest.ledger.engine import open_ledger
from ingest.model.receipt import MAX_REJECTIONS, Receipt
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, say, show, table, warn

_COUNTS: Final = ("records", "accepted", "duplicates", "revised", "rejected", "unpriced")
_SHOWN_REJECTIONS: Final = 10
_SHOWN_FILES: Final = 200
_OUTCOMES_OF_NOTE: Final = ("rejected", "unpriced")


def run(
    paths: Sequence[str],
    *,
    format_name: str,
    mapping: str | None,
    source: str | None,
    virtual_key: str | None,
    dry_run: bool,
    resume: bool,
    as_json: bool,
) -> int:
    """Import `paths` into the ledger of the settings and print the report; the exit code."""
    try:
        form, mapped = choice(format_name, mapping)
        passed_over = PassedOver()
        files = sources(paths, passed_over)
    except (NoSuchPath, WrongChoice) as error:
        warn(f"tallybook: {error}")
        return ExitCode.USAGE
    options = ImportOptions(form, mapped, source, virtual_key, dry_run, resume)
    reports, seconds, is_complete = _import(files, options, passed_over)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(reports, passed_over, seconds), indent=2) + "\n")
    else:
        _print(reports, passed_over, seconds, dry_run=dry_run)
    if not is_complete:
        warn("interrupted: what is counted above is committed; run the same command again to go on")
        return ExitCode.INTERRUPTED
    is_rejected = any(report.receipt.rejected for report in reports)
    return ExitCode.SOME_REJECTED if is_rejected else ExitCode.OK


def _import(
    files: Sequence[Source], options: ImportOptions, passed_over: PassedOver
) -> tuple[list[FileReport], float, bool]:
    """Import file by file under a progress bar; reports, seconds, and whether it was not interrupted."""
    ledger = open_ledger(Settings())
    importer = Importer(ledger, options)
    reports: list[FileReport] = []
    started = time.perf_counter()
    with _progress(console(stderr=True)) as progress, _stopping_on_interrupt(importer):
        try:
            for source in (member for file in files for member in members(file, passed_over)):
                reports.append(FileReport(source.path))
                _import_one(importer, source, reports[-1], progress)
            importer.finish()
            seconds = time.perf_counter() - started
            if not options.dry_run:
                _roll(progress, ledger)
        except (Interrupted, KeyboardInterrupt):
            return reports, time.perf_counter() - started, False
        finally:
            ledger.close()
    return reports, seconds, True


@contextmanager
def _stopping_on_interrupt(importer: Importer) -> Iterator[None]:
    """Let an interrupt take effect after the next commit; a second interrupt ends the command at once."""

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        importer.stop()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _import_one(importer: Importer, source: Source, report: FileReport, progress: Progress) -> None:
    task = progress.add_task(source.path, total=source.size, records=0)
    committed = 0

    def on_progress(size: int, records: int) -> None:
        nonlocal committed
        committed += records
        if task in progress.task_ids:
            progress.update(task, advance=size, records=committed)

    importer.run(source, report, on_progress)
    progress.remove_task(task)


def _roll(progress: Progress, ledger: Any) -> None:
    if waiting := rollups.count_dirty_slots(ledger):
        task = progress.add_task("summing", total=waiting, records=0)
        rollups.roll(ledger, lambda slots: progress.update(task, advance=slots))


class _Speed(ProgressColumn):
    """The number of committed records, and of records per second."""

    def render(self, task: Task) -> Text:
        records = task.fields.get("records") or 0
        speed = records / task.elapsed if task.elapsed else 0
        return Text(f"{records:,} at {speed:,.0f}/s" if records else "", no_wrap=True)


def _progress(err: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        BarColumn(bar_width=None),
        DownloadColumn(),
        _Speed(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _as_json(reports: Sequence[FileReport], passed_over: PassedOver, seconds: float) -> dict[str, Any]:
    total = _total(reports)
    rejections = [
        {"path": report.path, "line": r.line, "code": r.code, "field": r.field, "reason": r.reason}
        for report in reports
        for r in report.receipt.rejections
    ]
    return {
        "files": [
            {
                "path": r.path,
                "format": ",".join(sorted(r.formats)) or None,
                "skipped": r.skipped,
                "passed_over": r.passed_over,
                "unfinished_line": r.unfinished,
                **_counts(r.receipt),
            }
            for r in reports
        ],
        **_counts(total),
        "files_passed_over": [
            {"reason": reason, "files": kind.files, "first": kind.first}
            for reason, kind in passed_over.kinds.items()
        ],
        "seconds": round(seconds, 3),
        "rejections": rejections[:MAX_REJECTIONS],
    }


def _total(reports: Sequence[FileReport]) -> Receipt:
    total = Receipt()
    for report in reports:
        total.add(report.receipt)
    return total


def _counts(receipt: Receipt) -> dict[str, int]:
    return {name: getattr(receipt, name) for name in _COUNTS}


def _print(reports: Sequence[FileReport], passed_over: PassedOver, seconds: float, *, dry_run: bool) -> None:
    shown = _shown(reports)
    total = _total(reports)
    show(_table(shown, reports, total), "there is no file to read")
    if more := len(reports) - len(shown):
        say(f"{more:,} more files are counted together and have no line; --json has them all")
    for line in passed_over.lines():
        say(f"not read: {line}")
    for report in shown:
        _print_rejections(report)
    _print_notes(reports)
    if total.unpriced:
        say(f"{total.unpriced:,} calls have no price: they count as unpriced, not as 0")
    speed = total.records / seconds if seconds else 0
    verb = "would be read" if dry_run else "read"
    say(f"{total.records:,} records {verb} in {seconds:.1f} s ({speed:,.0f}/s)")


def _table(shown: Sequence[FileReport], reports: Sequence[FileReport], total: Receipt) -> Table:
    headings = [name.replace("_", " ") for name in _COUNTS]
    counts = table("file", *headings, numbers=headings)
    for report in shown:
        counts.add_row(report.path, *(f"{count:,}" for count in _counts(report.receipt).values()))
    if len(reports) > 1:
        counts.add_row("together", *(f"{count:,}" for count in _counts(total).values()))
    return counts


def _print_notes(reports: Sequence[FileReport]) -> None:
    if skipped := sum(report.skipped for report in reports):
        say(f"{skipped:,} records were committed by an earlier import and skipped")
    if passed_over := sum(report.passed_over for report in reports):
        say(f"records that are no calls: {passed_over:,}")
    for report in reports:
        if report.unfinished is not None:
            place = f"{report.path}:{report.unfinished}"
            say(f"{place}: this line is not whole yet and was left: import again with --resume")


def _shown(reports: Sequence[FileReport]) -> Sequence[FileReport]:
    """The reports that have a line: all, or the first; those with rejected or unpriced records first."""
    if len(reports) <= _SHOWN_FILES:
        return reports
    return sorted(reports, key=lambda report: not _is_of_note(report.receipt))[:_SHOWN_FILES]


def _is_of_note(receipt: Receipt) -> bool:
    return any(getattr(receipt, outcome) for outcome in _OUTCOMES_OF_NOTE)


def _print_rejections(report: FileReport) -> None:
    for rejection in report.receipt.rejections[:_SHOWN_REJECTIONS]:
        place = f"{report.path}:{rejection.line}"
        field = f" {rejection.field}:" if rejection.field else ""
        say(f"{place}: rejected ({rejection.code}):{field} {rejection.reason}")
    if (more := report.receipt.rejected - _SHOWN_REJECTIONS) > 0:
        say(f"{report.path}: {more:,} more rejected; see `tallybook rejected list`")
