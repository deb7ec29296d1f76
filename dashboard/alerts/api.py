"""`GET /v1/alerts`: the alerts that fired, open or over."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.alerts.listing import visible_alerts
from dashboard.alerts.notify import as_json
from dashboard.http.params import only_known, understood
from dashboard.query.question import QuestionError, read_limit
from ingest.http.openapi import described
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

_JSON: Final = described(401, 403, 422, 500)
_STATES: Final = {"open": True, "over": False}
_MOST: Final = 1_000

RIGHTS: Final = (Right("/v1/alerts", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The alerts of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/alerts", responses=_JSON, summary="What fired, the latest first")
    def alerts(
        request: Request,
        state: Annotated[str | None, Query(description="`open` or `over`; both where not given.")] = None,
        limit: Annotated[str | None, Query(description="Show at most so many; 200 where not given.")] = None,
    ) -> Response:
        with understood():
            only_known(request, ("state", "limit"))
            if state is not None and state not in _STATES:
                raise QuestionError(
                    "unknown_state", "state", f"state: there is no {state!r}; there are open and over"
                )
            most = read_limit(limit, _MOST) if limit else 200
        is_open = None if state is None else _STATES[state]
        alerts_shown = visible_alerts(ledger, is_open=is_open, most=most)
        return JSONResponse({"alerts": [as_json(ledger, alert) for alert in alerts_shown]})

    return router
