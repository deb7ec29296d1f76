"""Inspection: the format of a file from its first records, without importing anything.

If a format recognises the records, the inspection has the first events;
otherwise it has the columns of the records.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec

from ingest import formats
from ingest.files.paths import Source
from ingest.files.reader import CheckColumns, FileReader
from ingest.formats.format import Format
from ingest.framing import RawRecord, Record
from ingest.mapping.sample import Sample, sample_columns
from ingest.model.event import ImpossibleCount, UsageEvent, check
from ingest.model.money import MoneyError
from ingest.model.rejection import SURPRISES, PassedOver, Refused, Rejection, unreadable

SAMPLED: Final = 1_000
"""The number of records inspected."""

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(slots=True)
class Inspection:
    """The first records of a file."""

    events: list[UsageEvent] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    """The number of records that each format recognises."""
    passed_over: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    unknown: list[bytes] = field(default_factory=list)
    """Objects that no format recognises."""
    columns: Sequence[str] = ()
    """The columns of a table, including columns without a value so far."""

    @property
    def is_known(self) -> bool:
        """Whether a format recognises any of the records."""
        return bool(self.formats)

    @property
    def sample(self) -> Sample:
        """The columns of the objects that no format recognises."""
        return sample_columns(self.unknown, self.columns)


def inspect(source: Source, form: Format | None, fits: CheckColumns | None) -> Inspection:
    """Inspect the first records of a file, read as `form`, or recognised if it is None."""
    inspection = Inspection()
    with FileReader(source, fits) as reader:
        for batch in islice(reader.batches(SAMPLED, lambda _size: None), 1):
            for record in batch:
                _inspect_record(record, form, inspection)
        inspection.columns = reader.columns or ()
    return inspection


def _inspect_record(record: Record, form: Format | None, inspection: Inspection) -> None:
    if not isinstance(record, RawRecord):
        _reject(record, record.refused, inspection)
        return
    for raw in _records(record, form, inspection):
        try:
            event, known = formats.read_with_format(raw, form)
            check(event)
        except PassedOver:
            inspection.passed_over += 1
        except ImpossibleCount as error:
            _reject(record, Refused("impossible_count", str(error), error.field), inspection)
        except MoneyError as error:
            _reject(record, Refused("bad_amount", str(error)), inspection)
        except Refused as refused:
            _reject(record, refused, inspection)
            if refused.code == "unknown_format" and _is_object(raw):
                inspection.unknown.append(raw)
        except SURPRISES as error:
            _reject(record, unreadable(error), inspection)
        else:
            inspection.events.append(event)
            inspection.formats[known.name] += 1


def _records(record: RawRecord, form: Format | None, inspection: Inspection) -> Sequence[bytes]:
    """The record itself, or the records of a page."""
    if form is not None and form.redact is not None:
        return (record.raw,)
    try:
        page = formats.read_page(record.raw)
    except SURPRISES as error:
        _reject(record, error if isinstance(error, Refused) else unreadable(error), inspection)
        return ()
    if page is None:
        return (record.raw,)
    for refused in page.refused:
        _reject(record, refused, inspection)
    return page.records


def _reject(record: Record, refused: Refused, inspection: Inspection) -> None:
    rejection = Rejection(record.index, record.line, refused.code, refused.reason, refused.field)
    inspection.rejections.append(rejection)


def _is_object(raw: bytes) -> bool:
    try:
        _decode_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
