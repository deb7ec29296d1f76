"""`tallybook directory import`: names of keys, teams and customers from a file into the ledger."""

import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from ingest import listing
from ingest.clock import now
from ingest.ledger import directory
from ingest.ledger.directory import Entered
from ingest.ledger.engine import open_ledger
from ingest.linking import link
from ingest.listing import Listing, NotAList
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2
REJECTED: Final = 3

_SHOWN: Final = 100


def run(path: str, *, as_json: bool) -> int:
    """Put what the file lists into the directory and say what that changed; the exit code."""
    err = Console(stderr=True)
    with open_ledger(Settings()) as ledger:
        try:
            read = listing.read(Path(path), ledger.keyring)
        except NotAList as error:
            err.print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
            return USAGE
        at = now()
        entered = directory.enter(ledger, read.entries, at)
        owners = link(ledger, read.entries, at=at, by=current_user())
    if as_json:
        sys.stdout.write(json.dumps(_object(path, read, entered, owners), indent=2) + "\n")
    else:
        _print(Console(), path, read, entered, owners)
    return REJECTED if read.faults else WELL


def _object(path: str, read: Listing, entered: Entered, owners: int) -> dict[str, object]:
    return {
        "path": path,
        "format": read.form,
        "added": entered.added,
        "changed": entered.changed,
        "unchanged": entered.unchanged,
        "owners": owners,
        "rejected": len(read.faults),
        "ignored_columns": list(read.ignored),
        "rejections": [
            {"kind": one.kind, "line": one.line, "code": one.code, "reason": one.reason}
            for one in read.faults[:_SHOWN]
        ],
    }


def _print(out: Console, path: str, read: Listing, entered: Entered, owners: int) -> None:
    said = f"{entered.added:,} added, {entered.changed:,} changed, {entered.unchanged:,} unchanged"
    out.print(f"{path}: {said}", highlight=False, markup=False, soft_wrap=True)
    if owners:
        out.print(f"{owners:,} owners are new", highlight=False)
    if read.ignored:
        out.print(f"not read: {', '.join(read.ignored)}", highlight=False, markup=False, soft_wrap=True)
    for one in read.faults[:_SHOWN]:
        line = f"{path}:{one.line}: rejected ({one.code}): {one.kind} {one.reason}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
