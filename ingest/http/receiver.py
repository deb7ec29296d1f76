"""The reception: takes a request's body in and answers with a receipt, or with the problem and the receipt so far."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

from ingest.clock import now
from ingest.formats import otel
from ingest.formats.format import Format
from ingest.framing.decompression import TooLarge, Unreadable
from ingest.http import content_type, headers
from ingest.http.body import Delivery, Taker, pour
from ingest.http.metrics import Metrics
from ingest.http.otlp import responses as answer
from ingest.http.otlp.receiver import Crowded, Export, Room
from ingest.http.problems import Problem
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import idempotency
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.logs import logger
from ingest.model.receipt import Receipt

CHANNEL: Final = "http"
THREADS: Final = 1
"""Bodies that are worked on at once. One is fastest and fairest where a ledger has one writer, as SQLite does; large
bodies and small ones take turns, a block each. More of it is more processes."""
QUEUE: Final = 256
"""Requests that may wait for their turn before more are asked to come later."""
DRAINED: Final = 64 * 2**20
"""Bytes of a body that are read and dropped once it has grown too large."""
BODIES_HELD: Final = 4
"""So many of the largest trace requests are held in memory at once, or any number of smaller ones."""
RETRY_AFTER: Final = "5"

_log = logger("tallybook.http")

T = TypeVar("T")


class Reception:
    """Takes bodies in, for one ledger."""

    def __init__(self, ledger: Ledger, limit: int, metrics: Metrics) -> None:
        """`limit` bounds a body, before and after unpacking."""
        self._ledger = ledger
        self._limit = limit
        self._metrics = metrics
        self._decoder = make_decoder(ledger)
        self._threads = CapacityLimiter(THREADS)
        self._room = Room(BODIES_HELD * limit)

    async def receive(self, request: Request, form: Format | None, key: str | None) -> Response:
        """The answer to a request: its receipt, after everything in it has been committed.

        Args:
            request: the request, its body unread.
            form: the only format to read; otherwise each record is recognised.
            key: the request's Idempotency-Key. The same key again gets the same answer and takes nothing in.

        Raises:
            Problem: the body could not be taken in, or not all of it.
        """
        self._check_queue()
        if key is not None and (told := await self._in_thread(lambda: self._recall(key))) is not None:
            return _answer(told)
        context = Context(CHANNEL, now(), None, headers.virtual_key(request.headers), key, form)
        kind = content_type.kind_of(request.headers)
        unpacker = content_type.unpacker_of(request.headers, self._limit)
        with Intake(self._ledger, self._decoder, context) as intake:
            receipt = await self._take_in(request, Delivery(intake, unpacker, kind, self._limit))
        told = msgspec.json.encode(plain(receipt)).decode()
        if key is not None:
            fresh = told
            told = await self._in_thread(lambda: self._remember(key, fresh))
        return _answer(told)

    async def receive_traces(self, request: Request) -> Response:
        """The answer to a trace request, after every call in it has been committed.

        Raises:
            Problem: the body could not be taken in, or not all of it.
        """
        self._check_queue()
        encoding = answer.media_type(request.headers)
        if encoding is None:
            detail = f"traces are read as {answer.PROTOBUF} and {answer.JSON}"
            raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
        unpacker = content_type.unpacker_of(request.headers, self._limit)
        key = headers.virtual_key(request.headers)
        context = Context(CHANNEL, now(), virtual_key=key, format=otel.FORMAT)
        with Intake(self._ledger, self._decoder, context) as intake:
            export = Export(intake, unpacker, encoding, self._limit, self._room)
            try:
                receipt = await self._take_in(request, export)
            finally:
                export.close()
        self._metrics.passed_over(export.others, export.repeated)
        return Response(answer.taken(receipt, encoding), media_type=encoding)

    async def _take_in(self, request: Request, taker: Taker) -> Receipt:
        body = request.stream()
        so_far = taker.receipt
        try:
            await pour(body, taker, self._threads)
        except TooLarge as error:
            await _drain(body)
            detail = f"{error}; send it in smaller pieces"
            raise Problem(413, "too_large", "Body too large", detail, extra=_with(so_far)) from None
        except Unreadable as error:
            raise Problem(400, "unreadable", "Body cannot be read", str(error), extra=_with(so_far)) from None
        except Crowded:
            await _drain(body)
            raise _come_back("busy", "too many traces are waiting", so_far) from None
        except LedgerBusy as error:
            _log.warning("ledger unavailable", error=error.kind)
            raise _come_back("unavailable", "the ledger is locked or out of reach", so_far) from None
        finally:
            self._metrics.count(so_far)
        return so_far

    def _check_queue(self) -> None:
        if self._threads.statistics().tasks_waiting >= QUEUE:
            raise _come_back("busy", "too many requests are waiting")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        except LedgerBusy:
            raise _come_back("unavailable", "the ledger is locked or out of reach") from None

    def _recall(self, key: str) -> str | None:
        with self._ledger.reading() as connection:
            return idempotency.stored_answer(connection, key)

    def _remember(self, key: str, answer: str) -> str:
        with self._ledger.writing() as connection:
            return idempotency.store_answer(connection, key, answer, now())


def plain(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the interface shows it."""
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "revised": receipt.revised,
        "rejected": receipt.rejected,
        "unpriced": receipt.unpriced,
        "rejections": [
            {"index": one.index, "line": one.line, "code": one.code, "reason": one.reason, "field": one.field}
            for one in receipt.rejections
        ],
        "event_ids": receipt.event_ids,
    }


def _with(receipt: Receipt) -> dict[str, Any]:
    return {"receipt": plain(receipt)}


def _come_back(code: str, detail: str, so_far: Receipt | None = None) -> Problem:
    extra = _with(so_far) if so_far is not None else None
    detail = f"{detail}: send it again in a while, all of it"
    return Problem(503, code, "Not now", detail, headers={"Retry-After": RETRY_AFTER}, extra=extra)


def _answer(text: str) -> Response:
    return Response(text, media_type="application/json")


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read some more of a body that is too large: many senders listen for an answer only when they have sent it."""
    read = 0
    async for chunk in body:
        read += len(chunk)
        if read > DRAINED:
            return
