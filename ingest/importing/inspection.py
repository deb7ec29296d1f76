"""Inspection: what a file holds, from its first records, without importing anything.

Either a format knows them, and these are the first events; or nobody does, and these are the columns.
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
from ingest.model.rejection import PassedOver, Refused, Rejection

SAMPLED: Final = 1_000
"""Records that are looked at."""

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(slots=True)
class Inspection:
    """What the first records are."""

    events: list[UsageEvent] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    """How many records each format knows."""
    passed_over: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    unknown: list[bytes] = field(default_factory=list)
    """Objects that no format knows."""
    columns: Sequence[str] = ()
    """The columns of a table, also those that are empty so far."""

    @property
    def is_known(self) -> bool:
        """Whether a format knows any of them."""
        return bool(self.formats)

    @property
    def sample(self) -> Sample:
        """The columns of what no format knows."""
        return sample_columns(self.unknown, self.columns)


def inspect(source: Source, form: Format | None, fits: CheckColumns | None) -> Inspection:
    """Look at the first records of a file, as `form` or as whatever knows them."""
    found = Inspection()
    with FileReader(source, fits) as reading:
        batches = reading.batches(SAMPLED, lambda _size: None)
        for record in (one for batch in islice(batches, 1) for one in batch):
            _look(record, form, found)
        found.columns = reading.columns or ()
    return found


def _look(record: Record, form: Format | None, found: Inspection) -> None:
    if not isinstance(record, RawRecord):
        _reject(record, record.refused, found)
        return
    for raw in _records(record.raw, form):
        try:
            event, known = formats.read_with_format(raw, form)
            check(event)
        except PassedOver:
            found.passed_over += 1
        except ImpossibleCount as error:
            _reject(record, Refused("impossible_count", str(error), error.field), found)
        except MoneyError as error:
            _reject(record, Refused("bad_amount", str(error)), found)
        except Refused as refused:
            _reject(record, refused, found)
            if refused.code == "unknown_format" and _is_object(raw):
                found.unknown.append(raw)
        else:
            found.events.append(event)
            found.formats[known.name] += 1


def _records(raw: bytes, form: Format | None) -> Sequence[bytes]:
    if form is not None and form.redact is not None:
        return (raw,)
    page = formats.unpack(raw)
    return (raw,) if page is None else page


def _reject(record: Record, refused: Refused, found: Inspection) -> None:
    found.rejections.append(Rejection(record.index, record.line, refused.code, refused.reason, refused.field))


def _is_object(raw: bytes) -> bool:
    try:
        _decode_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
