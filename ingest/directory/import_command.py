"""`tallybook directory import`: names of keys, teams and customers from a file into the ledger."""

import json
import sys
from pathlib import Path
from typing import Final

from ingest.clock import now
from ingest.directory import lists
from ingest.directory.lists import Listing, NotAList
from ingest.directory.service import ImportedList, import_list
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, say, warn

_SHOWN: Final = 100


def run(path: str, *, as_json: bool) -> int:
    """Put what the file lists into the directory and say what that changed; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            read = lists.read(Path(path), ledger.keyring)
        except NotAList as error:
            warn(f"tallybook: {error}")
            return ExitCode.USAGE
        imported = import_list(ledger, read.entries, by=current_user(), at=now())
    if as_json:
        sys.stdout.write(json.dumps(_object(path, read, imported), indent=2) + "\n")
    else:
        _print(path, read, imported)
    return ExitCode.SOME_REJECTED if read.faults else ExitCode.OK


def _object(path: str, read: Listing, imported: ImportedList) -> dict[str, object]:
    return {
        "path": path,
        "format": read.form,
        "added": imported.entered.added,
        "changed": imported.entered.changed,
        "unchanged": imported.entered.unchanged,
        "owners": imported.owners,
        "rejected": len(read.faults),
        "ignored_columns": list(read.ignored),
        "rejections": [
            {"kind": fault.kind, "line": fault.line, "code": fault.code, "reason": fault.reason}
            for fault in read.faults[:_SHOWN]
        ],
    }


def _print(path: str, read: Listing, imported: ImportedList) -> None:
    entered = imported.entered
    say(f"{path}: {entered.added:,} added, {entered.changed:,} changed, {entered.unchanged:,} unchanged")
    if imported.owners:
        say(f"{imported.owners:,} owners are new")
    if read.ignored:
        say(f"not read: {', '.join(read.ignored)}")
    for fault in read.faults[:_SHOWN]:
        say(f"{path}:{fault.line}: rejected ({fault.code}): {fault.kind} {fault.reason}")
