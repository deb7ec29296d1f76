"""`tallybook audit`: who changed what."""

import json
from datetime import UTC

from ingest.ledger.audit import entries
from ingest.ledger.engine import open_to_read
from ingest.model.zone import instant
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, print_json, table


def run(action: str | None, most: int, *, as_json: bool) -> int:
    """Print the audit log, the latest first; the exit code."""
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        log = entries(connection, action=action, most=most)
    rows = [
        {
            "at": instant(entry.at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": entry.by,
            "action": entry.action,
            "subject": entry.subject,
            "detail": dict(entry.detail),
        }
        for entry in log
    ]
    if as_json:
        print_json({"entries": rows})
        return ExitCode.OK
    shown = table("At", "By", "What", "Of", "How")
    for row in rows:
        detail = json.dumps(row["detail"], ensure_ascii=False)
        shown.add_row(str(row["at"]), str(row["by"]), str(row["action"]), str(row["subject"]), detail)
    console().print(shown)
    return ExitCode.OK
