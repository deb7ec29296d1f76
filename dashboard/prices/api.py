"""The API of prices: the price list, unpriced models, how a cost was calculated, and price variance."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.http.params import (
    JSON_OR_CSV,
    ONE_CALL,
    Format,
    From,
    Timezone,
    To,
    Where,
    answered,
    check_format,
    read_event_id,
    short_filters,
    understood,
)
from dashboard.prices import explanation_text, unpriced, variance
from dashboard.prices import price_list as prices
from dashboard.prices.explanation import explain
from dashboard.query.question import MOST_ROWS, QuestionText, parse, read_limit, read_moment
from ingest.http.problems import Problem
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import LiveBook
from ingest.model.principal import Right
from ingest.model.zone import Zone, micros

RIGHTS: Final = (Right("/v1/prices", "read", is_whole=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes of the price list and of unpriced models."""
    router = APIRouter(prefix="/v1", tags=["read"])

    @router.get("/prices", responses=JSON_OR_CSV, summary="What models cost, and what calls used of them")
    def price_list(
        request: Request,
        *,
        search: Annotated[
            str, Query(description="Words that provider, model and tier together hold, in any order.")
        ] = "",
        provider: Annotated[list[str] | None, Query(description="The provider in full, repeated.")] = None,
        model: Annotated[list[str] | None, Query(description="The model in full, repeated.")] = None,
        at: Annotated[
            str | None, Query(description="Prices of this instant: a date or an RFC 3339 time; now.")
        ] = None,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        limit: Annotated[str | None, Query(description="Show at most so many lines.")] = None,
        form: Format = None,
    ) -> Response:
        names = ("search", "provider", "model", "at", "from", "to", "timezone", "where", "limit", "format")
        with understood():
            wheres = [*(where or ()), *short_filters(request, names)]
            now = datetime.now(UTC)
            words = QuestionText(start=start, end=end, timezone=timezone, where=wheres)
            usage_query = parse(words, ledger.zone, now)
            query = prices.PricesQuery(
                at=micros(read_moment("at", at, Zone(usage_query.zone)) if at else now),
                usage_query=usage_query,
                search=search,
                providers=tuple(provider or ()),
                models=tuple(model or ()),
                limit=read_limit(limit, MOST_ROWS) if limit else None,
            )
            check_format(form)
            listing = prices.read_price_list(ledger, query)
        return answered(
            request,
            form,
            json=lambda: prices.as_json(listing),
            csv=lambda: prices.as_csv(listing, ledger.currency),
            name="prices",
        )

    @router.get("/prices/unpriced", responses=JSON_OR_CSV, summary="Models that calls have no price for")
    def without_price(
        request: Request,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        form: Format = None,
    ) -> Response:
        with understood():
            wheres = [*(where or ()), *short_filters(request, ("from", "to", "timezone", "where", "format"))]
            words = QuestionText(start=start, end=end, timezone=timezone, where=wheres)
            query = parse(words, ledger.zone, datetime.now(UTC))
            check_format(form)
        models = unpriced.unpriced_models(ledger, query, partly=True)
        return answered(
            request,
            form,
            json=lambda: unpriced.as_json(models),
            csv=lambda: unpriced.as_csv(models),
            name="unpriced",
        )

    return router


def make_costs_router(ledger: Ledger) -> APIRouter:
    """The routes that compare costs with the price book: a call's calculation, and variance by model."""
    router = APIRouter(prefix="/v1", tags=["read"])
    books = LiveBook(ledger)

    @router.get("/requests/{event_id}/cost", responses=ONE_CALL, summary="How one call's cost was worked out")
    def one_cost(event_id: str) -> Response:
        wanted_id = read_event_id(event_id)
        explanation = explain(ledger, wanted_id, books.current()) if wanted_id else None
        if explanation is None:
            raise Problem(404, "unknown_request", "No such request", f"There is no request {event_id!r}.")
        return JSONResponse(explanation_text.as_json(explanation))

    @router.get(
        "/prices/variance", responses=JSON_OR_CSV, summary="Reported against computed costs, by model"
    )
    def reported_against_computed(
        request: Request,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        threshold: Annotated[str, Query(description="Models that differ by more, such as 1%.")] = "1%",
        form: Format = None,
    ) -> Response:
        names = ("from", "to", "timezone", "where", "threshold", "format")
        with understood():
            wheres = [*(where or ()), *short_filters(request, names)]
            words = QuestionText(start=start, end=end, timezone=timezone, where=wheres)
            query = parse(words, ledger.zone, datetime.now(UTC))
            limit = variance.read_percent(threshold)
            check_format(form)
        variances = variance.model_variances(ledger, query, books.current(), limit)
        return answered(
            request,
            form,
            json=lambda: variance.as_json(variances),
            csv=lambda: variance.as_csv(variances),
            name="variance",
        )

    return router
