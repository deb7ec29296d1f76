"""`GET /v1/fees` and `GET /v1/fees/history`: fees, their amounts in a period, and every recorded row."""

from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from dashboard.fees.summary import as_json, fees_of, history_as_json, history_of
from dashboard.http.params import From, Timezone, To, only_known, understood
from dashboard.query.question import read_period, read_zone
from ingest.http.openapi import described
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

_JSON: Final[dict[int | str, dict[str, Any]]] = described(401, 403, 422, 500)

RIGHTS: Final = (Right("/v1/fees", "read", is_whole=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """The fees of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/fees", responses=_JSON, summary="Fees, and what they come to in a time")
    def fees(request: Request, start: From = None, end: To = None, timezone: Timezone = None) -> Response:
        with understood():
            only_known(request, ("from", "to", "timezone"))
            zone = read_zone(timezone) if timezone else ledger.zone
            period = read_period(start, end, zone, datetime.now(UTC))
        return JSONResponse(as_json(fees_of(ledger, period), zone))

    @router.get("/fees/history", responses=_JSON, summary="Every recorded row of the fees, and which count")
    def history(request: Request) -> Response:
        with understood():
            only_known(request, ())
        return JSONResponse(history_as_json(history_of(ledger), ledger.zone))

    return router
