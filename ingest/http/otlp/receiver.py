"""The body of a trace request on its way into the ledger.

The unpacked body of a trace request is collected in memory, and its size is bounded. JSON is decoded in one
step, so the number of its values is bounded too. The spans are then read one by one, like other records.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ingest.formats import otel
from ingest.formats.otel import page
from ingest.formats.otel.span import Draft
from ingest.framing import RawRecord, RefusedRecord
from ingest.framing.decompression import Decompressor, TooLarge, Unreadable
from ingest.http import limits
from ingest.http.body import Body
from ingest.http.otlp.responses import JSON
from ingest.intake.intake import Intake
from ingest.model.rejection import Refused

_MARKS: Final = (b"[", b"{", b",")
"""There is at least one of them for each value in JSON."""
_TOO_LARGE: Final = frozenset({"too_large", "too_many_spans"})
"""Refusals of a request that would be taken in smaller pieces."""


class TracesBody(Body):
    """The body of a trace request."""

    def __init__(
        self,
        intake: Intake,
        unpacker: Decompressor,
        media: str,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(intake, unpacker, limit, clock)
        self._batch = min(self._batch, limits.BATCH_SPANS)
        self.others = 0
        """Spans that are no calls of a model."""
        self._is_json = media == JSON
        self._drafts = _drafts_of(media)
        self._body = bytearray()
        self._calls: list[bytes | Refused] = []
        self._calls_size = 0
        self._being_read = 0  # bytes of the whole body, and of its values, while the spans are read

    @property
    def collected(self) -> int:
        """Bytes of the unpacked body, of its values while they are read, and of the calls in it."""
        return len(self._body) + self._being_read + self._calls_size

    def _drop_collected(self) -> None:
        self._body, self._calls = bytearray(), []
        self._being_read = self._calls_size = 0

    def _split(self, piece: bytes) -> Iterator[int]:
        self._body += piece
        yield 0

    def _finish(self) -> Iterator[int]:
        yield from self._read_spans()
        if self._calls and not self.others and all(isinstance(call, Refused) for call in self._calls):
            raise Unreadable(str(self._calls[0]))
        yield from self._decode(
            RefusedRecord(index, 1, call) if isinstance(call, Refused) else RawRecord(index, 1, call)
            for index, call in enumerate(self._calls)
        )

    def _read_spans(self) -> Iterator[int]:
        raw, self._body = bytes(self._body), bytearray()
        values = sum(map(raw.count, _MARKS)) if self._is_json else 0
        if values > limits.TRACES_VALUES:
            raise TooLarge(f"the request has more than {limits.TRACES_VALUES} values")
        self._being_read = len(raw) + limits.VALUE_BYTES * values
        try:
            for call in otel.each_call(raw, self._drafts):
                if call is None:
                    self.others += 1
                else:
                    self._calls.append(call)
                    self._calls_size += len(call) if isinstance(call, bytes) else 0
                yield 0
        except Refused as refused:
            raise (TooLarge if refused.code in _TOO_LARGE else Unreadable)(refused.reason) from None
        self._being_read = 0

    def _check_rejections(self) -> None:
        """Rejected spans are told in the answer: OTLP knows no refusal of a part."""


def _drafts_of(media: str) -> Callable[[bytes], Iterable[Draft | Refused]]:
    if media == JSON:
        return page.each_draft
    from ingest.formats.otel import protobuf

    return protobuf.each_draft
