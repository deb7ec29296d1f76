"""`tallybook rejected`: list the rejected records with their reasons, and read them again."""

from ingest.clock import now
from ingest.importing.format_choice import WrongChoice, choice
from ingest.importing.rejected_service import retry_rejected
from ingest.ledger import rejections
from ingest.ledger.engine import open_existing, open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, say, warn


def show(limit: int) -> int:
    """Print the newest rejected records; the exit code."""
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        total = rejections.count(connection)
        newest = rejections.newest(connection, limit)
    for rejection in newest:
        place = rejection.path or rejection.channel
        if rejection.path and rejection.line:
            place = f"{place}:{rejection.line}"
        field = f" {rejection.field}:" if rejection.field else ""
        at = f"{rejection.rejected_at:%Y-%m-%d %H:%M}"
        say(f"{at} {place}: {rejection.code}:{field} {rejection.reason}")
    say(f"{total:,} rejected records are kept")
    return ExitCode.OK


def retry(mapping: str | None = None) -> int:
    """Read every stored rejected record again and print how many became events; the exit code."""
    try:
        _, mapped = choice("auto", mapping)
    except WrongChoice as error:
        warn(f"tallybook: {error}")
        return ExitCode.USAGE
    with open_existing(Settings()) as ledger:
        retried = retry_rejected(ledger, mapped, at=now())
    say(f"{retried.taken:,} of {retried.records:,} records are events now")
    if retried.waiting:
        say(f"{retried.waiting:,} are rows of a mapped table: name its mapping with --mapping")
    return ExitCode.OK
