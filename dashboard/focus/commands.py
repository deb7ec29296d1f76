"""`tallybook export focus`: charges as a FOCUS dataset, in files or on standard output."""

import sys
from pathlib import Path
from typing import Final

from dashboard.focus.dataset import require_reporting_currency
from dashboard.focus.export import ExportResult, export_to_files, export_to_stream
from dashboard.focus.parquet_file import MissingPackage
from dashboard.focus.parse_request import DRAFTS, ExportOptions, read_request
from dashboard.query.question import QuestionError
from ingest.ledger.engine import open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, warn

_NAME: Final = "export focus"


def export_focus(options: ExportOptions, out: str) -> int:
    """Export from the configured ledger; returns the exit code."""
    try:
        with open_to_read(Settings()) as ledger:
            export = read_request(options, ledger.zone)
            require_reporting_currency(ledger, export.scope)
            if out == "-":
                result = export_to_stream(
                    ledger, export.scope, export.version, export.form, sys.stdout.buffer
                )
                sys.stdout.buffer.flush()
            else:
                result = export_to_files(ledger, export.scope, export.version, export.form, Path(out))
    except QuestionError as error:
        return refuse(_NAME, error)
    except BrokenPipeError:
        raise
    except (MissingPackage, OSError) as error:
        return refuse(_NAME, error, ExitCode.FAILURE)
    _print_summary(result)
    if export.version in DRAFTS:
        warn(f"FOCUS {export.version} is a working draft: its columns may change")
    return ExitCode.OK


def _print_summary(result: ExportResult) -> None:
    files = ", ".join(str(path) for path in result.files)
    warn(f"{result.rows:,} rows{f' in {files}' if files else ''}")
    for number, lack in ((result.unpriced, "known price"), (result.unconverted, "exchange rate")):
        if number:
            calls = "1 call has" if number == 1 else f"{number:,} calls have"
            warn(f"{calls} no {lack} and {'is' if number == 1 else 'are'} in no row")
