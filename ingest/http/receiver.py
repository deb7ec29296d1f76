"""The receiver: takes in the body of a request, and answers with a receipt or a problem."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from traceback import clear_frames
from typing import Any, Final, TypeVar
from uuid import uuid4

import anyio
import msgspec
from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from ingest.clock import now
from ingest.formats import otel
from ingest.formats.format import Format
from ingest.framing.decompression import TooLarge, Unreadable
from ingest.http import headers, limits
from ingest.http.body import Body, RecordsBody, TooManyRejections
from ingest.http.breaker import Breaker
from ingest.http.headers import kind_of, unpacker_of
from ingest.http.incoming import Incoming, TooSlow
from ingest.http.limits import RETRY_AFTER
from ingest.http.memory import Claim, Memory, OutOfMemory
from ingest.http.metrics import Metrics
from ingest.http.otlp import responses
from ingest.http.otlp.receiver import TracesBody
from ingest.http.problems import INTERNAL, Problem
from ingest.http.turns import Turns, TurnTaker
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import idempotency
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.logs import logger, place_of
from ingest.model.event import ARRIVAL
from ingest.model.principal import HERE, current_principal
from ingest.model.receipt import Receipt

CHANNEL: Final = "http"
_log = logger("tallybook.http")

T = TypeVar("T")
Run = Callable[[Callable[[], bool | None]], Awaitable[bool | None]]
"""Runs a turn of a body in the thread."""

CLIENT_TOO_SLOW: Final = 408
_REFUSALS: Final[dict[type[Exception], tuple[int, str, str, str]]] = {
    TooLarge: (413, "too_large", "Body too large", "; send it in smaller pieces"),
    Unreadable: (400, "unreadable", "Body cannot be read", ""),
    TooManyRejections: (400, "too_many_rejections", "Not what is read here", ""),
    TooSlow: (CLIENT_TOO_SLOW, "too_slow", "Too slow", ", so it is not waited for: send it again, all of it"),
}
"""Status, code, title and hint of the refusals of a body."""


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """What a receiver is doing at a moment."""

    waiting: int
    """Bodies that wait for a turn."""
    bodies: int
    """Bodies underway."""
    bytes_held: int
    """What they hold in memory."""


class Receiver:
    """Takes in the bodies of requests, for one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        limit: int,
        metrics: Metrics,
        memory: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit` bounds a body, compressed and decompressed; `memory` what all bodies hold together."""
        self._ledger = ledger.waiting_at_most(limits.LOCK_SECONDS)
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._decoder = make_decoder(self._ledger)
        self._turns = Turns(clock)
        self._memory = Memory(memory, clock)
        self._breaker = Breaker(clock)

    @property
    def state(self) -> ReceiverState:
        """What the receiver is doing now."""
        return ReceiverState(self._turns.waiting, self._memory.bodies, self._memory.held)

    async def receive(self, request: Request, form: Format | None, key: str | None) -> Response:
        """The answer to a request: its receipt, after all its records are committed.

        Args:
            request: the request, with its body unread.
            form: the format of all records; None to recognise the format of each.
            key: the request's Idempotency-Key. A known key gets the stored answer and adds no records.

        Raises:
            Problem: the body was not taken in, or only a part of it.
        """
        self._check_open()
        taker = TurnTaker(_sender(request))
        stored = None if key is None else await self._in_turn(taker, lambda: self._stored_answer(key))
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
        with Intake(self._ledger, self._decoder, context, around=self._breaker.trying) as intake:
            body = RecordsBody(intake, unpacker, kind, self._limit, self._clock)
            receipt = await self._take_in(request, body, taker)
        answer = msgspec.json.encode(receipt_object(receipt)).decode()
        if key is None:
            return _answer(answer)
        return _answer(await self._in_turn(taker, lambda: self._store_answer(key, answer), receipt))

    async def receive_traces(self, request: Request) -> Response:
        """The answer to a trace request, after all its calls are committed.

        Raises:
            Problem: the body was not taken in, or only a part of it.
        """
        self._check_open()
        encoding = responses.media_type(request.headers)
        if encoding is None:
            detail = f"traces are read as {responses.PROTOBUF} and {responses.JSON}"
            raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
        limit = min(self._limit, limits.TRACES_BYTES)
        unpacker = unpacker_of(request.headers, limit)
        key = headers.virtual_key(request.headers)
        context = Context(CHANNEL, now(), virtual_key=key, format=otel.FORMAT)
        with Intake(self._ledger, self._decoder, context, around=self._breaker.trying) as intake:
            body = TracesBody(intake, unpacker, encoding, limit, self._clock)
            receipt = await self._take_in(request, body, TurnTaker(_sender(request)))
        self._metrics.passed_over(body.others)
        return Response(responses.success(receipt, encoding), media_type=encoding)

    async def _take_in(self, request: Request, body: Body, taker: TurnTaker) -> Receipt:
        """The receipt of a body, after its end.

        Raises:
            Problem: the body is refused; the problem has the receipt so far.
            ClientDisconnect: the client has gone; what was committed stays.
        """
        incoming = Incoming(request.receive, self._clock)
        try:
            with self._memory.claim() as claim:
                await _push(incoming, body, claim, taker, lambda work: self._turns.run(taker, work))
        except (Problem, ClientDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - every refusal has the receipt so far
            clear_frames(error.__traceback__)  # they refer to the block
            body.drop()  # its memory is no longer claimed
            raise await self._refusal(error, incoming, body) from None
        finally:
            incoming.close()
            body.close()
            self._metrics.count(body.receipt)
        return body.receipt

    async def _refusal(self, error: Exception, incoming: Incoming, body: Body) -> Problem:
        """The problem of a body that cannot be taken in, or not to its end."""
        if not isinstance(error, TooSlow):
            await _drain(incoming)
        if isinstance(error, LedgerBusy):
            return self._away(error, body.receipt)
        if isinstance(error, OutOfMemory):
            return _try_later("busy", "the bodies underway use all memory for them", body.receipt)
        so_far = {"receipt": receipt_object(body.receipt)}
        if type(error) not in _REFUSALS:
            _log.error("body failed", **place_of(error))
            return Problem(500, "internal", "Internal error", INTERNAL, extra=so_far)
        status, code, title, hint = _REFUSALS[type(error)]
        closing = {"Connection": "close"} if status == CLIENT_TOO_SLOW else None
        return Problem(status, code, title, f"{error}{hint}", headers=closing, extra=so_far)

    def _away(self, error: LedgerBusy, so_far: Receipt | None = None) -> Problem:
        """The problem while the ledger cannot be written. All that wait for their turn get it now."""
        _log.warning("ledger unavailable", reason=error.outage.code, error=error.kind)
        if self._breaker.is_open:
            self._turns.refuse_waiting(lambda: LedgerBusy(str(error), error.kind, error.outage))
        return _unavailable(error, so_far)

    def _check_open(self) -> None:
        """Refuse a request before its body is read, if it could not be taken in now."""
        if self._turns.is_full:
            raise _try_later("busy", "too many requests are waiting")
        try:
            self._breaker.check()
        except LedgerBusy as error:
            raise _unavailable(error) from None

    async def _in_turn(self, taker: TurnTaker, work: Callable[[], T], so_far: Receipt | None = None) -> T:
        try:
            return await self._turns.run(taker, work)
        except LedgerBusy as error:
            raise self._away(error, so_far) from None

    def _stored_answer(self, key: str) -> str | None:
        with self._ledger.reading() as connection:
            return idempotency.stored_answer(connection, key)

    def _store_answer(self, key: str, answer: str) -> str:
        with self._breaker.trying(), self._ledger.writing() as connection:
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


async def _push(incoming: Incoming, body: Body, claim: Claim, taker: TurnTaker, run: Run) -> None:
    """Push a request into `body`, block by block, each in as many turns as it needs.

    Raises:
        TooLarge, Unreadable, TooManyRejections, TooSlow, OutOfMemory, LedgerBusy: the body is refused.
        ClientDisconnect: the client has gone.
    """
    is_last = False
    while not is_last:
        block = bytearray()
        while not is_last and len(block) < limits.BLOCK_BYTES:
            claim.resize(body.held + len(block))
            claim.stop = lambda: incoming.stop(OutOfMemory())
            try:
                chunk = await incoming.chunk()
            except TooSlow:
                claim.stop = None
                await _keep(bytes(block), body, run)
                raise
            claim.stop = None
            is_last = chunk is None
            block += chunk or b""
            claim.received(len(chunk or b""))
        taker.block = len(block)
        body.put(bytes(block), is_last=is_last)
        del block  # while the body waits for its turns
        claim.resize(body.held)
        while not await run(body.turn):
            claim.resize(body.held)
            await incoming.check_connected()


async def _keep(block: bytes, body: Body, run: Run) -> None:
    """Commit what a client has sent that is given up."""
    body.put(block, is_last=False)
    while not await run(body.turn):
        pass
    await run(body.keep)


def _sender(request: Request) -> str:
    """Who sends: the name of the token that is shown, else the client's address."""
    principal = current_principal()
    if principal != HERE:
        return principal.name
    return request.client.host if request.client else ""


def _unavailable(error: LedgerBusy, so_far: Receipt | None = None) -> Problem:
    refused = _try_later("unavailable", error.outage.detail, so_far)
    refused.extra = {"reason": error.outage.code, **(refused.extra or {})}
    return refused


def _try_later(code: str, detail: str, so_far: Receipt | None = None) -> Problem:
    extra = {"receipt": receipt_object(so_far)} if so_far is not None else None
    detail = f"{detail}: send it again in a while, all of it"
    return Problem(503, code, "Not now", detail, headers={"Retry-After": RETRY_AFTER}, extra=extra)


def _answer(text: str) -> Response:
    return Response(text, media_type="application/json")


async def _drain(incoming: Incoming) -> None:
    """Read more of a refused body: many clients read the answer only after they have sent the whole body."""
    read = 0
    with anyio.move_on_after(limits.DRAIN_SECONDS):
        try:
            while read < limits.DRAIN_BYTES and (chunk := await incoming.chunk()) is not None:
                read += len(chunk)
        except (TooSlow, OutOfMemory):
            return
