"""`tallybook audit`: who changed what."""

import json
import sys
from datetime import UTC
from typing import Final

from rich.console import Console
from rich.table import Table

from ingest.ledger.audit import entries
from ingest.ledger.engine import open_ledger
from ingest.model.zone import instant
from ingest.settings import Settings

WELL: Final = 0


def run(action: str | None, most: int, *, as_json: bool) -> int:
    """Print the audit log, the latest first; the exit code."""
    with open_ledger(Settings()) as ledger, ledger.reading() as connection:
        found = entries(connection, action=action, most=most)
    rows = [
        {
            "at": instant(one.at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": one.by,
            "action": one.action,
            "subject": one.subject,
            "detail": dict(one.detail),
        }
        for one in found
    ]
    if as_json:
        sys.stdout.write(json.dumps({"entries": rows}, ensure_ascii=False, indent=2) + "\n")
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("At", "By", "What", "Of", "How"):
        table.add_column(heading)
    for row in rows:
        how = json.dumps(row["detail"], ensure_ascii=False)
        table.add_row(str(row["at"]), str(row["by"]), str(row["action"]), str(row["subject"]), how)
    Console().print(table)
    return WELL
