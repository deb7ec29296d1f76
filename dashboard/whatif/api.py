"""`GET /v1/whatif`: what the same traffic would have cost elsewhere."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.http.params import (
    JSON_OR_CSV,
    Format,
    From,
    Timezone,
    To,
    Where,
    answered,
    check_format,
    short_filters,
    understood,
)
from dashboard.whatif import serialize, whatif
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import LiveBook
from ingest.model.principal import Right

RIGHTS: Final = (Right("/v1/whatif", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes of what-if comparisons."""
    router = APIRouter(prefix="/v1", tags=["read"])
    books = LiveBook(ledger)

    @router.get("/whatif", responses=JSON_OR_CSV, summary="What the same traffic would have cost elsewhere")
    def what_if(
        request: Request,
        *,
        from_model: Annotated[str | None, Query(description="Only calls of this model.")] = None,
        from_provider: Annotated[str | None, Query(description="Only calls of this provider.")] = None,
        to_model: Annotated[str | None, Query(description="The model there.")] = None,
        to_provider: Annotated[str | None, Query(description="The provider there.")] = None,
        tier: Annotated[str | None, Query(description="The service tier there, such as `batch`.")] = None,
        cache_hit_rate: Annotated[
            str | None, Query(description="The share of input read from the prompt cache there: `60%`.")
        ] = None,
        prices_at: Annotated[
            str | None, Query(description="The prices of this day; of each call's time where not given.")
        ] = None,
        by: Annotated[str | None, Query(description="A row for each `model` or `day`.")] = None,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        form: Format = None,
    ) -> Response:
        changed = ("from_model", "from_provider", "to_model", "to_provider", "tier", "cache_hit_rate")
        names = (*changed, "prices_at", "by", "from", "to", "timezone", "where", "format")
        with understood():
            parameters = whatif.WhatIfParameters(
                from_model=from_model,
                from_provider=from_provider,
                to_model=to_model,
                to_provider=to_provider,
                tier=tier,
                cache_hit_rate=cache_hit_rate,
                start=start,
                end=end,
                timezone=timezone,
                where=[*(where or ()), *short_filters(request, names)],
                by=by,
                prices_at=prices_at,
            )
            check_format(form)
            query = whatif.parse(parameters, ledger.zone, datetime.now(UTC))
        result = whatif.compare_costs(ledger, query, books.current())
        return answered(
            request,
            form,
            json=lambda: serialize.as_json(result, ledger.currency),
            csv=lambda: serialize.as_csv(result),
            name="whatif",
        )

    return router
