"""The HTTP interface of the write side: ingestion of records, and the endpoints for operations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import FastAPI, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, PlainTextResponse

from ingest import __version__, formats
from ingest.formats.format import Format
from ingest.http import docs_page, problems
from ingest.http.metrics import MEDIA_TYPE, CountRequests, Gauges, Metrics
from ingest.http.openapi import (
    INGEST_BODY,
    TRACES_ANSWERS,
    TRACES_BODY,
    FormatShape,
    ReceiptShape,
    TracesShape,
    described,
)
from ingest.http.otlp import responses
from ingest.http.readiness import Readiness
from ingest.http.receiver import Receiver
from ingest.http.request_log import RequestLog
from ingest.ledger.engine import Ledger
from ingest.ledger.health import Probe
from ingest.model.principal import Right
from ingest.model.rejection import Refused
from ingest.settings import Settings

CLIENT_CLOSED_REQUEST: Final = 499
RIGHTS: Final = (
    Right("/v1/ingest", "ingest"),
    Right(responses.PATH, "ingest"),
    Right("/v1/formats", None),
    Right("/openapi.json", None),
    Right("/docs", None),
    Right("/metrics", "read", is_whole=True),
)

FormatName = Annotated[
    str,
    Path(
        description="The only format to read.",
        json_schema_extra={"enum": [form.name for form in formats.FORMATS]},
    ),
]
VirtualKey = Annotated[
    str | None, Header(alias="x-bf-vk", description="The virtual key of records that do not name one.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1, max_length=255, description="Names this request: sent again, it gets the same receipt."
    ),
]


def make_api(ledger: Ledger, settings: Settings) -> FastAPI:
    """The app that takes records into `ledger`.

    Authentication is done before it, by `ingest.access.guard`. `app.state.readiness` tells whether the ledger
    can be reached; it looks while the app's lifespan lasts.
    """
    readiness = Readiness(lambda: Probe(ledger), ledger.writes)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        readiness.start()
        yield
        readiness.stop()

    app = FastAPI(
        title="Tallybook",
        summary="An exact usage and cost ledger for LLM gateways.",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.readiness = readiness
    metrics = Metrics()
    problems.install(app)
    app.add_exception_handler(ClientDisconnect, _answer_to_closed_connection)
    app.add_middleware(CountRequests, metrics=metrics)
    app.add_middleware(RequestLog)
    receiver = Receiver(ledger, settings.max_body_bytes, metrics, settings.max_memory_bytes)
    metrics.show(Gauges(readiness, receiver, ledger.engine.dialect.name))
    _add_ingestion(app, receiver)
    _add_operations(app, readiness, metrics)
    return app


def _add_ingestion(app: FastAPI, receiver: Receiver) -> None:
    answers = described(400, 401, 403, 408, 413, 415, 422, 500, 503)

    @app.post(
        "/v1/ingest",
        tags=["ingest"],
        response_model=ReceiptShape,
        responses=answers,
        openapi_extra=INGEST_BODY,
    )
    async def ingest(
        request: Request, _: VirtualKey = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Take records in, each in whatever format it is.

        The answer comes after the commit. A good record is stored whatever its neighbours are; a body
        that was cut or refused halfway may be sent again whole: records with an id or an `event_id`,
        and any body with an `Idempotency-Key`, count once. `keyless` says how many records have none.
        """
        return await receiver.receive(request, None, idempotency_key)

    @app.post(
        "/v1/ingest/{format}",
        tags=["ingest"],
        response_model=ReceiptShape,
        responses=answers,
        openapi_extra=INGEST_BODY,
    )
    async def ingest_format(
        request: Request,
        format: FormatName,  # noqa: A002 - the name in the path
        _: VirtualKey = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Take records in, all of one format."""
        return await receiver.receive(request, _by_name(format), idempotency_key)

    @app.post(
        responses.PATH,
        tags=["ingest"],
        response_model=TracesShape,
        responses=TRACES_ANSWERS,
        openapi_extra=TRACES_BODY,
    )
    async def traces(request: Request, _: VirtualKey = None) -> Response:
        """Take in the model calls among the spans of an OTLP trace request.

        The answer comes after the commit. Spans that are no calls of a model are passed over; calls that
        cannot be counted are rejected in `partial_success` and must not be sent again.
        """
        return await receiver.receive_traces(request)

    @app.get("/v1/formats", tags=["ingest"], responses=described(401, 403, 500))
    async def list_formats() -> list[FormatShape]:
        """The formats that are read."""
        return [FormatShape(name=form.name, title=form.title) for form in formats.FORMATS]


def _add_operations(app: FastAPI, readiness: Readiness, metrics: Metrics) -> None:
    @app.get("/healthz", tags=["operations"])
    async def healthz() -> dict[str, str]:
        """Whether the process is alive."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operations"], responses=described(503))
    async def readyz() -> dict[str, str]:
        """Whether records can be taken in now; if not, `code` and `detail` say why and what to do."""
        outage = await run_in_threadpool(readiness.first_outage) if readiness.must_wait else readiness.outage
        readiness.tell(outage)  # a look that hangs cannot tell itself
        if outage is not None:
            raise problems.unavailable(outage, outage.code)
        return {"status": "ready"}

    @app.get(
        "/metrics", tags=["operations"], response_class=PlainTextResponse, responses=described(401, 403, 500)
    )
    async def scrape() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page.page(app.openapi()))


def _by_name(name: str) -> Format:
    try:
        return formats.by_name(name)
    except Refused as refused:
        raise problems.bad_parameter("format", name, refused.reason) from None


async def _answer_to_closed_connection(_: Request, __: Exception) -> Response:
    """The answer for the log when the client has closed the connection; nothing is sent."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)
