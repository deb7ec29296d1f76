"""Posting: one row of an outbox goes out, and what became of it is kept."""

from collections.abc import Callable

from dashboard.notifications.channels import Message, NotSent, TargetRefused, read_target, send
from dashboard.notifications.outbox import Claimed, Outbox
from ingest.ledger.engine import Ledger
from ingest.settings import Settings


def dispatch(
    ledger: Ledger,
    settings: Settings,
    outbox: Outbox,
    one: Claimed,
    to: str,
    make: Callable[[], Message],
    at: int,
) -> str | None:
    """Send what was claimed; why it did not arrive, if it did not.

    What a process that died has sent, perhaps, is sent again only to a target that knows it again.
    """
    try:
        target = read_target(to, settings)
        is_doubtful = one.status == "sending" and not target.knows_again
        if not is_doubtful:
            send(target, make(), settings)
    except (NotSent, TargetRefused) as error:
        with ledger.writing() as connection:
            outbox.failed(connection, one, at, str(error))
        return str(error)
    with ledger.writing() as connection:
        if is_doubtful:
            outbox.doubted(connection, one)
        else:
            outbox.sent(connection, one, at)
    return None
