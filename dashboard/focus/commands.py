"""`tallybook export focus`: charges as a FOCUS dataset, in files or on standard output."""

import sys
from pathlib import Path
from typing import Final

from dashboard.focus.export import Done, to_files, to_stream
from dashboard.focus.parquet_file import MissingPackage
from dashboard.focus.parse_request import Words, read
from dashboard.query.question import QuestionError
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, warn

_NAME: Final = "export focus"


def run(words: Words, out: str) -> int:
    """Export from the ledger of the settings; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            asked = read(words, ledger.zone)
            if out == "-":
                done = to_stream(ledger, asked.order, asked.version, asked.form, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            else:
                done = to_files(ledger, asked.order, asked.version, asked.form, Path(out))
    except QuestionError as error:
        return refuse(_NAME, error)
    except BrokenPipeError:
        raise
    except (MissingPackage, OSError) as error:
        return refuse(_NAME, error, ExitCode.FAILURE)
    _tell(done)
    return ExitCode.OK


def _tell(done: Done) -> None:
    files = ", ".join(str(path) for path in done.files)
    warn(f"{done.rows:,} rows{f' in {files}' if files else ''}")
    if done.unpriced:
        some = (
            "1 call has no known price and is"
            if done.unpriced == 1
            else f"{done.unpriced:,} calls have no known price and are"
        )
        warn(f"{some} in no row")
