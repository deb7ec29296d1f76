"""Rejected records get another try when the reason is gone."""

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
class Retried:
    """What became of the records that were kept."""

    records: int
    taken: int
    """Records that are events now."""
    waiting: int
    """Rows of a mapped table whose mapping was not given."""


def retry_rejected(ledger: Ledger, mapped: "TableMapping | None", *, at: int) -> Retried:
    """Read every kept record again; those that become events now are kept no longer.

    Rows of a mapped table are read with the mapping of the same source, if it is given.
    """
    decoder = make_decoder(ledger)
    with ledger.reading() as connection:
        kept = rejections.with_record(connection)
    taken = waiting = 0
    for record in kept:
        source = source_of(_raw(record))
        if source is not None and (mapped is None or mapped.source != source):
            waiting += 1
            continue
        form = mapped.format if mapped and source is not None else None
        context = Context("retry", at, source=record.source, format=form, path=record.path)
        taken += _retry(ledger, decoder, record, context)
    return Retried(len(kept), taken, waiting)


def _retry(ledger: Ledger, decoder: Decoder, record: StoredRejection, context: Context) -> bool:
    """Take a record in and keep it no longer; False where it is still rejected."""
    batch = decoder.decode([RawRecord(0, record.line, _raw(record))], context)
    if batch.rejections:
        return False
    with Intake(ledger, decoder, context) as intake:
        intake.accept_decoded(batch)
    with ledger.writing() as connection:
        rejections.drop(connection, record.rejected_id)
    return True


def _raw(record: StoredRejection) -> bytes:
    return (record.record or "").encode()
