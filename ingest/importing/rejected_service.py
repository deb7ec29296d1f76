"""Read rejected records again, for when a newer version or a corrected mapping can read them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import rejections
from ingest.ledger.engine import Ledger
from ingest.ledger.rejections import StoredRejection
from ingest.mapping import source_of

if TYPE_CHECKING:
    from ingest.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class RetryCounts:
    """The result of reading the stored rejected records again."""

    records: int
    taken: int
    """Records that are events now."""
    waiting: int
    """Rows of a mapped table whose mapping was not given."""


def retry_rejected(ledger: Ledger, mapped: "TableMapping | None", *, at: int) -> RetryCounts:
    """Read every stored rejected record again, and delete the records that become events.

    Rows of a mapped table need the mapping of their source.
    """
    decoder = make_decoder(ledger)
    with ledger.reading() as connection:
        stored = rejections.with_record(connection)
    taken = waiting = 0
    for record in stored:
        source = source_of(_raw(record))
        if source is not None and (mapped is None or mapped.source != source):
            waiting += 1
            continue
        form = mapped.format if mapped and source is not None else None
        context = Context("retry", at, source=record.source, format=form, path=record.path)
        taken += _retry(ledger, decoder, record, context)
    return RetryCounts(len(stored), taken, waiting)


def _retry(ledger: Ledger, decoder: Decoder, record: StoredRejection, context: Context) -> bool:
    """Take in a record and delete its rejection; False if it is rejected again."""
    batch = decoder.decode([RawRecord(0, record.line, _raw(record))], context)
    if batch.rejections:
        return False
    with Intake(ledger, decoder, context) as intake:
        if intake.accept_decoded(batch).rejected:
            return False
    with ledger.writing() as connection:
        rejections.drop(connection, record.rejected_id)
    return True


def _raw(record: StoredRejection) -> bytes:
    return (record.record or "").encode()
