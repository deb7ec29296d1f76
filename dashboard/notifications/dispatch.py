"""Dispatch: send a claimed row of an outbox, and record the outcome."""

from collections.abc import Callable

from dashboard.notifications.channels import Message, NotSent, TargetRefused, read_target, send
from dashboard.notifications.outbox import Claimed, Outbox
from ingest.ledger.engine import Ledger
from ingest.settings import Settings


def dispatch(
    ledger: Ledger,
    settings: Settings,
    outbox: Outbox,
    row: Claimed,
    to: str,
    make_message: Callable[[], Message],
    at: int,
) -> str | None:
    """Send the message of a claimed row; the reason if it did not arrive, else None.

    A process that died may already have sent it. It is then sent again only to an idempotent target.
    """
    try:
        target = read_target(to, settings)
        is_doubtful = row.status == "sending" and not target.is_idempotent
        if not is_doubtful:
            send(target, make_message(), settings)
    except (NotSent, TargetRefused) as error:
        with ledger.writing() as connection:
            outbox.record_failed(connection, row, at, str(error))
        return str(error)
    with ledger.writing() as connection:
        if is_doubtful:
            outbox.record_unknown(connection, row)
        else:
            outbox.record_sent(connection, row, at)
    return None
