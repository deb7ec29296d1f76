"""`GET /v1/spend`: usage and cost by dimension."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.http.params import (
    JSON_OR_CSV,
    Format,
    From,
    Names,
    Timezone,
    To,
    Where,
    answered,
    check_format,
    short_filters,
    understood,
)
from dashboard.query.question import QuestionText, parse
from dashboard.query.run import run
from dashboard.query.serialize import as_csv, as_json
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

RIGHTS: Final = (Right("/v1/spend", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes for the spend of a ledger."""
    router = APIRouter(prefix="/v1", tags=["read"])

    @router.get("/spend", responses=JSON_OR_CSV, summary="What was used and what it cost")
    def spend(
        request: Request,
        *,
        by: Names = None,
        metric: Names = None,
        start: From = None,
        end: To = None,
        interval: Annotated[
            str | None, Query(description="hour, day, week or month; brings `time` with it.")
        ] = None,
        timezone: Timezone = None,
        where: Where = None,
        compare: Annotated[str | None, Query(description="`previous` adds the period before.")] = None,
        limit: Annotated[
            str | None, Query(description="Show at most so many rows; totals are of all.")
        ] = None,
        currency: Annotated[
            str | None, Query(description="Convert all amounts to this currency, by the rate of each day.")
        ] = None,
        form: Format = None,
    ) -> Response:
        query_parameters = ("by", "metric", "from", "to", "interval", "timezone", "where", "compare")
        known = (*query_parameters, "limit", "currency", "format")
        with understood():
            wheres = [*(where or ()), *short_filters(request, known)]
            question = QuestionText(
                by or (), metric or (), start, end, interval, timezone, wheres, compare, limit, currency
            )
            check_format(form)
            result = run(ledger, parse(question, ledger.zone, datetime.now(UTC)))
        return answered(request, form, json=lambda: as_json(result), csv=lambda: as_csv(result), name="spend")

    return router
