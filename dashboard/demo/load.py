"""Loads sample traffic into a ledger, through the same decoder and intake as any other record."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Final

from dashboard.demo.schedules import Period
from dashboard.demo.traffic import traffic
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import BATCH_RECORDS
from ingest.model.receipt import Receipt
from ingest.model.zone import HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)


def make_demo(
    ledger: Ledger,
    *,
    events: int = 40_000,
    days: int = 90,
    seed: int = 1,
    end: date,
    report: Callable[[int], None] | None = None,
    now: datetime | None = None,
) -> Receipt:
    """Write `events` events of sample traffic and make their rollups.

    `report` is called with the number of calls of each chunk, once it is written.

    The events end with the day `end` (UTC) and never lie in the future: if that day is not over, the period
    ends with the last full hour before `now`. The same arguments give the same events, to the byte.
    """
    stop = _stop(end, now or datetime.now(UTC))
    period = Period(stop - 24 * days, 24 * days)
    context = Context(channel="demo", received_at=stop * HOUR)
    decoder = make_decoder(ledger)
    receipt = Receipt()
    with Intake(ledger, decoder, context) as intake:
        events_of_traffic = traffic(period, events, seed)
        while chunk := list(islice(events_of_traffic, BATCH_RECORDS)):
            receipt.add(intake.accept_decoded(decoder.decode_events(chunk, context)))
            if report is not None:
                report(len(chunk))
    rollups.roll(ledger)
    return receipt


def _stop(end: date, now: datetime) -> int:
    """The hour at which the traffic stops, counted from 1970-01-01 UTC."""
    if end >= now.astimezone(UTC).date():
        return (now - _EPOCH) // _HOUR
    return (end - _EPOCH.date()).days * 24 + 24
