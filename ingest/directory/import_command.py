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
    """Import the list in a file into the directory and print what changed; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            listing = lists.read(Path(path), ledger.keyring)
        except NotAList as error:
            warn(f"tallybook: {error}")
            return ExitCode.USAGE
        imported = import_list(ledger, listing.entries, by=current_user(), at=now())
    if as_json:
        sys.stdout.write(json.dumps(_as_json(path, listing, imported), indent=2) + "\n")
    else:
        _print(path, listing, imported)
    return ExitCode.SOME_REJECTED if listing.faults else ExitCode.OK


def _as_json(path: str, listing: Listing, imported: ImportedList) -> dict[str, object]:
    return {
        "path": path,
        "format": listing.form,
        "added": imported.entered.added,
        "changed": imported.entered.changed,
        "unchanged": imported.entered.unchanged,
        "owners": imported.owners,
        "rejected": len(listing.faults),
        "ignored_columns": list(listing.ignored),
        "rejections": [
            {"kind": fault.kind, "line": fault.line, "code": fault.code, "reason": fault.reason}
            for fault in listing.faults[:_SHOWN]
        ],
    }


def _print(path: str, listing: Listing, imported: ImportedList) -> None:
    entered = imported.entered
    say(f"{path}: {entered.added:,} added, {entered.changed:,} changed, {entered.unchanged:,} unchanged")
    if imported.owners:
        say(f"{imported.owners:,} owners are new")
    if listing.ignored:
        say(f"not read: {', '.join(listing.ignored)}")
    for fault in listing.faults[:_SHOWN]:
        say(f"{path}:{fault.line}: rejected ({fault.code}): {fault.kind} {fault.reason}")
