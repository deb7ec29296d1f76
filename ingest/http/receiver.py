"""The receiver: takes in the body of a request, and answers with a receipt or a problem."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar
from uuid import uuid4

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

from ingest.clock import now
from ingest.formats import otel
from ingest.formats.format import Format
from ingest.framing.decompression import TooLarge, Unreadable
from ingest.http import headers
from ingest.http.body import Body, RecordsBody, push
from ingest.http.headers import kind_of, unpacker_of
from ingest.http.metrics import Metrics
from ingest.http.otlp import responses
from ingest.http.otlp.receiver import MemoryLimit, OutOfMemory, TracesBody
from ingest.http.problems import Problem
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import idempotency
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.logs import logger
from ingest.model.event import ARRIVAL
from ingest.model.receipt import Receipt

CHANNEL: Final = "http"
THREADS: Final = 1
"""Threads that process bodies. One is fastest and fairest with a single writer such as SQLite: large and
small bodies alternate block by block. To use more cores, run more server processes."""
QUEUE: Final = 256
"""Requests that may wait for the thread; further requests are answered with 503."""
DRAINED: Final = 64 * 2**20
"""Bytes of a too large body that are read and dropped before the answer."""
BODIES_HELD: Final = 4
"""Memory for trace requests, in bodies of the largest size."""
RETRY_AFTER: Final = "5"

_log = logger("tallybook.http")

T = TypeVar("T")


class Receiver:
    """Takes in the bodies of requests, for one ledger."""

    def __init__(self, ledger: Ledger, limit: int, metrics: Metrics) -> None:
        """`limit` bounds a body, compressed and decompressed."""
        self._ledger = ledger
        self._limit = limit
        self._metrics = metrics
        self._decoder = make_decoder(ledger)
        self._threads = CapacityLimiter(THREADS)
        self._memory = MemoryLimit(BODIES_HELD * limit)

    async def receive(self, request: Request, form: Format | None, key: str | None) -> Response:
        """The answer to a request: its receipt, after all its records are committed.

        Args:
            request: the request, with its body unread.
            form: the format of all records; None to recognise the format of each.
            key: the request's Idempotency-Key. A known key gets the stored answer and adds no records.

        Raises:
            Problem: the body was not taken in, or only a part of it.
        """
        self._check_queue()
        stored = None if key is None else await self._in_thread(lambda: self._stored_answer(key))
        if stored is not None:
            return _answer(stored)
        context = Context(
            CHANNEL,
            now(),
            virtual_key=headers.virtual_key(request.headers),
            idempotency_key=key,
            arrival=f"{ARRIVAL}{uuid4().hex}",
            format=form,
            stated=headers.stated(request.headers),
        )
        kind = kind_of(request.headers)
        unpacker = unpacker_of(request.headers, self._limit)
        with Intake(self._ledger, self._decoder, context) as intake:
            receipt = await self._take_in(request, RecordsBody(intake, unpacker, kind, self._limit))
        answer = msgspec.json.encode(receipt_object(receipt)).decode()
        if key is None:
            return _answer(answer)
        return _answer(await self._in_thread(lambda: self._store_answer(key, answer)))

    async def receive_traces(self, request: Request) -> Response:
        """The answer to a trace request, after all its calls are committed.

        Raises:
            Problem: the body was not taken in, or only a part of it.
        """
        self._check_queue()
        encoding = responses.media_type(request.headers)
        if encoding is None:
            detail = f"traces are read as {responses.PROTOBUF} and {responses.JSON}"
            raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
        unpacker = unpacker_of(request.headers, self._limit)
        key = headers.virtual_key(request.headers)
        context = Context(CHANNEL, now(), virtual_key=key, format=otel.FORMAT)
        with Intake(self._ledger, self._decoder, context) as intake:
            body = TracesBody(intake, unpacker, encoding, self._limit, self._memory)
            try:
                receipt = await self._take_in(request, body)
            finally:
                body.close()
        self._metrics.passed_over(body.others)
        return Response(responses.success(receipt, encoding), media_type=encoding)

    async def _take_in(self, request: Request, body: Body) -> Receipt:
        chunks = request.stream()
        so_far = body.receipt
        try:
            await push(chunks, body, self._threads)
        except TooLarge as error:
            await _drain(chunks)
            detail = f"{error}; send it in smaller pieces"
            raise Problem(413, "too_large", "Body too large", detail, extra=_receipt_field(so_far)) from None
        except Unreadable as error:
            raise Problem(
                400, "unreadable", "Body cannot be read", str(error), extra=_receipt_field(so_far)
            ) from None
        except OutOfMemory:
            await _drain(chunks)
            raise _try_later("busy", "too many traces are waiting", so_far) from None
        except LedgerBusy as error:
            _log.warning("ledger unavailable", error=error.kind)
            raise _try_later("unavailable", "the ledger is locked or out of reach", so_far) from None
        finally:
            self._metrics.count(so_far)
        return so_far

    def _check_queue(self) -> None:
        if self._threads.statistics().tasks_waiting >= QUEUE:
            raise _try_later("busy", "too many requests are waiting")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except LedgerBusy:
            raise _try_later("unavailable", "the ledger is locked or out of reach") from None

    def _stored_answer(self, key: str) -> str | None:
        with self._ledger.reading() as connection:
            return idempotency.stored_answer(connection, key)

    def _store_answer(self, key: str, answer: str) -> str:
        with self._ledger.writing() as connection:
            return idempotency.store_answer(connection, key, answer, now())


def receipt_object(receipt: Receipt) -> dict[str, Any]:
    """A receipt as JSON answers show it."""
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "revised": receipt.revised,
        "rejected": receipt.rejected,
        "unpriced": receipt.unpriced,
        "keyless": receipt.keyless,
        "flagged": receipt.flagged,
        "rejections": [
            {"index": r.index, "line": r.line, "code": r.code, "reason": r.reason, "field": r.field}
            for r in receipt.rejections
        ],
        "event_ids": receipt.event_ids,
    }


def _receipt_field(receipt: Receipt) -> dict[str, Any]:
    return {"receipt": receipt_object(receipt)}


def _try_later(code: str, detail: str, so_far: Receipt | None = None) -> Problem:
    extra = _receipt_field(so_far) if so_far is not None else None
    detail = f"{detail}: send it again in a while, all of it"
    return Problem(503, code, "Not now", detail, headers={"Retry-After": RETRY_AFTER}, extra=extra)


def _answer(text: str) -> Response:
    return Response(text, media_type="application/json")


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read more of a refused body: many clients read the answer only after they have sent the whole body."""
    read = 0
    async for chunk in chunks:
        read += len(chunk)
        if read > DRAINED:
            return
