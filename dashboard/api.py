"""The read API: `GET /v1/spend`, `/v1/requests`, one of them and its `/cost`, `/v1/prices`, `/v1/whatif`. It knows HTTP and no SQL.

Filters are given as `where=DIM=VALUE` or, shorter, as `DIM=VALUE` (`?model=gpt-4o&team=ml`). A parameter that does not
exist is refused, so that a typing error never widens an answer.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from dashboard import (
    catalogue,
    explained,
    prices,
    unpriced,
    variance,
    whatif,
    whatif_answer,
)
from dashboard.answer import as_csv, as_json, write_csv
from dashboard.explanation import explain
from dashboard.question import (
    MOST_ROWS,
    QuestionError,
    Words,
    parse,
    read_filters,
    read_limit,
    read_moment,
    read_zone,
)
from dashboard.requests import DEFAULT_LIMIT, LISTED, MOST, CallsQuery, Page, in_full, listed, read_cursor
from dashboard.runner import run
from ingest.description import described
from ingest.ledger.engine import Ledger
from ingest.ledger.prices import LiveBook
from ingest.model.zone import Zone, micros
from ingest.problems import MEDIA_TYPE, Problem

CSV: Final = "text/csv; charset=utf-8"
_BOTH: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 500),
}
_ONE: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such call", "content": {MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}

Names = Annotated[list[str] | None, Query(description="Names, comma-separated or repeated.")]
Where = Annotated[
    list[str] | None, Query(description="DIMENSION=VALUE, repeated; `DIMENSION=` is a call without one.")
]
From = Annotated[str | None, Query(alias="from", description="Start: a date or an RFC 3339 time.")]
To = Annotated[str | None, Query(alias="to", description="End, not included: a date or an RFC 3339 time.")]
FORMAT: Final = "`csv` or `json`, whatever `Accept` says; CSV comes as a file to keep."
_ALL_CALLS: Final = "Without `limit` the file holds all calls."
Timezone = Annotated[
    str | None, Query(description="IANA zone of dates and days; the ledger's where not given.")
]


def make_router(ledger: Ledger) -> APIRouter:
    """The read API of one ledger."""
    router = APIRouter(prefix="/v1", tags=["read"])

    @router.get("/spend", responses=_BOTH, summary="What was used and what it cost")
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
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        asked = ("by", "metric", "from", "to", "interval", "timezone", "where", "compare")
        known = (*asked, "limit", "currency", "format")
        with understood():
            wheres = [*(where or ()), *_short_filters(request, known)]
            words = Words(
                by or (), metric or (), start, end, interval, timezone, wheres, compare, limit, currency
            )
            as_file = read_format(form) == "csv"
            result = run(ledger, parse(words, ledger.zone, datetime.now(UTC)))
        if as_file or (form is None and wants_csv(request)):
            return Response(
                as_csv(result), media_type=CSV, headers=file_headers("spend") if as_file else None
            )
        return JSONResponse(as_json(result))

    @router.get("/requests", responses=_BOTH, summary="Single calls, newest first")
    def requests(
        request: Request,
        *,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        limit: Annotated[str | None, Query(description=f"Calls on a page, at most {MOST}.")] = None,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
        form: Annotated[str | None, Query(alias="format", description=f"{FORMAT} {_ALL_CALLS}")] = None,
    ) -> Response:
        known = ("from", "to", "timezone", "where", "limit", "cursor", "format")
        with understood():
            zone = read_zone(timezone) if timezone else ledger.zone
            query = CallsQuery(
                start=read_moment("from", start, zone) if start else None,
                end=read_moment("to", end, zone) if end else None,
                filters=read_filters([*(where or ()), *_short_filters(request, known)]),
                limit=read_limit(limit, MOST) if limit else DEFAULT_LIMIT,
                after=read_cursor(cursor) if cursor else None,
            )
            as_file = read_format(form) == "csv"
        if as_file and limit is None:
            return StreamingResponse(
                _all_calls(ledger, query), media_type=CSV, headers=file_headers("requests")
            )
        page = listed(ledger, query)
        if as_file or (form is None and wants_csv(request)):
            return _page_csv(page)
        return JSONResponse({"requests": page.calls, "next_cursor": page.next_cursor})

    @router.get("/requests/{event_id}", responses=_ONE, summary="One call in full")
    def one_request(event_id: str) -> Response:
        found = in_full(ledger, wanted) if (wanted := _uuid(event_id)) else None
        if found is None:
            raise Problem(404, "unknown_request", "No such request", f"There is no request {event_id!r}.")
        return JSONResponse(found)

    _add_prices(router, ledger)
    _add_costs(router, ledger)
    _add_variance(router, ledger)
    return router


def _add_variance(router: APIRouter, ledger: Ledger) -> None:
    """Where sources report another cost than the price book computes."""
    books = LiveBook(ledger)

    @router.get("/prices/variance", responses=_BOTH, summary="Reported against computed costs, by model")
    def reported_against_computed(
        request: Request,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        threshold: Annotated[str, Query(description="Models that differ by more, such as 1%.")] = "1%",
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        known = ("from", "to", "timezone", "where", "threshold", "format")
        with understood():
            wheres = [*(where or ()), *_short_filters(request, known)]
            words = Words(start=start, end=end, timezone=timezone, where=wheres)
            query = parse(words, ledger.zone, datetime.now(UTC))
            limit = variance.read_percent(threshold)
            as_file = read_format(form) == "csv"
        found = variance.variance(ledger, query, books.current(), limit)
        if as_file or (form is None and wants_csv(request)):
            text = variance.as_csv(found)
            return Response(text, media_type=CSV, headers=file_headers("variance") if as_file else None)
        return JSONResponse(variance.as_json(found))


def _add_costs(router: APIRouter, ledger: Ledger) -> None:
    """What asks the price book: how a cost was worked out, and what it would have been elsewhere."""
    books = LiveBook(ledger)

    @router.get("/whatif", responses=_BOTH, summary="What the same traffic would have cost elsewhere")
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
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        changed = ("from_model", "from_provider", "to_model", "to_provider", "tier", "cache_hit_rate")
        known = (*changed, "prices_at", "by", "from", "to", "timezone", "where", "format")
        with understood():
            words = whatif.Words(
                from_model=from_model,
                from_provider=from_provider,
                to_model=to_model,
                to_provider=to_provider,
                tier=tier,
                cache_hit_rate=cache_hit_rate,
                start=start,
                end=end,
                timezone=timezone,
                where=[*(where or ()), *_short_filters(request, known)],
                by=by,
                prices_at=prices_at,
            )
            as_file = read_format(form) == "csv"
            query = whatif.parse(words, ledger.zone, datetime.now(UTC))
        found = whatif.answer(ledger, query, books.current())
        if as_file or (form is None and wants_csv(request)):
            text = whatif_answer.as_csv(found)
            return Response(text, media_type=CSV, headers=file_headers("whatif") if as_file else None)
        return JSONResponse(whatif_answer.as_json(found, ledger.currency))

    @router.get("/requests/{event_id}/cost", responses=_ONE, summary="How one call's cost was worked out")
    def one_cost(event_id: str) -> Response:
        wanted = _uuid(event_id)
        found = explain(ledger, wanted, books.current()) if wanted else None
        if found is None:
            raise Problem(404, "unknown_request", "No such request", f"There is no request {event_id!r}.")
        return JSONResponse(explained.as_json(found))


def _add_prices(router: APIRouter, ledger: Ledger) -> None:
    @router.get("/prices", responses=_BOTH, summary="What models cost, and what calls used of them")
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
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        known = ("search", "provider", "model", "at", "from", "to", "timezone", "where", "limit", "format")
        with understood():
            wheres = [*(where or ()), *_short_filters(request, known)]
            now = datetime.now(UTC)
            used = parse(Words(start=start, end=end, timezone=timezone, where=wheres), ledger.zone, now)
            wanted = prices.PricesQuery(
                at=micros(read_moment("at", at, Zone(used.zone)) if at else now),
                used=used,
                search=search,
                providers=tuple(provider or ()),
                models=tuple(model or ()),
                limit=read_limit(limit, MOST_ROWS) if limit else None,
            )
            as_file = read_format(form) == "csv"
            found = prices.listed(ledger, wanted)
        if as_file or (form is None and wants_csv(request)):
            text = prices.as_csv(found, ledger.currency)
            return Response(text, media_type=CSV, headers=file_headers("prices") if as_file else None)
        return JSONResponse(prices.as_json(found))

    @router.get("/prices/unpriced", responses=_BOTH, summary="Models that calls have no price for")
    def without_price(
        request: Request,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        with understood():
            wheres = [*(where or ()), *_short_filters(request, ("from", "to", "timezone", "where", "format"))]
            words = Words(start=start, end=end, timezone=timezone, where=wheres)
            query = parse(words, ledger.zone, datetime.now(UTC))
            as_file = read_format(form) == "csv"
        found = unpriced.unpriced(ledger, query)
        if as_file or (form is None and wants_csv(request)):
            text = unpriced.as_csv(found)
            return Response(text, media_type=CSV, headers=file_headers("unpriced") if as_file else None)
        return JSONResponse(unpriced.as_json(found))


@contextmanager
def understood() -> Iterator[None]:
    """A question that cannot be asked becomes an answer 422."""
    try:
        yield
    except QuestionError as error:
        title = "The question cannot be answered"
        raise Problem(422, error.code, title, str(error), extra={"parameter": error.parameter}) from error


def wants_csv(request: Request) -> bool:
    """Whether the caller prefers CSV: it is named in `Accept`, and JSON is not named before it."""
    kinds = [kind.split(";")[0].strip() for kind in request.headers.get("accept", "").lower().split(",")]
    first = next((kind for kind in kinds if kind in ("text/csv", "application/json")), None)
    return first == "text/csv"


def _short_filters(request: Request, known: Iterable[str]) -> list[str]:
    """Filters given as `DIM=VALUE`; any other parameter that is not `known` is refused."""
    found = []
    for name, value in request.query_params.multi_items():
        if name in known:
            continue
        if catalogue.dimension(name) is None:
            allowed = f"{', '.join(known)}, or a dimension to filter on"
            raise QuestionError(
                "unknown_parameter", name, f"there is no parameter {name!r}; there are {allowed}"
            )
        found.append(f"{name}={value}")
    return found


def only_known(request: Request, known: Iterable[str]) -> None:
    """Refuse a parameter that does not exist."""
    for name in request.query_params:
        if name not in known:
            message = f"there is no parameter {name!r}; there are {', '.join(known) or 'none'}"
            raise QuestionError("unknown_parameter", name, message)


def _page_csv(page: Page) -> Response:
    headers = {"X-Next-Cursor": page.next_cursor} if page.next_cursor else {}
    lines = ([call[name] for name in LISTED] for call in page.calls)
    return Response(write_csv(LISTED, lines), media_type=CSV, headers=headers)


def _all_calls(ledger: Ledger, query: CallsQuery) -> Iterator[str]:
    """The CSV of all calls, a page at a time."""
    header: Iterable[str] = LISTED
    following: CallsQuery | None = replace(query, limit=MOST)
    while following is not None:
        page = listed(ledger, following)
        yield write_csv(header, ([call[name] for name in LISTED] for call in page.calls))
        header = ()
        cursor = page.next_cursor
        following = replace(following, after=read_cursor(cursor)) if cursor else None


def read_format(text: str | None) -> str | None:
    """The format that is asked for by name."""
    if text not in (None, "csv", "json"):
        raise QuestionError(
            "unknown_format", "format", f"format: there is no format {text!r}; use csv or json"
        )
    return text


def file_headers(name: str) -> dict[str, str]:
    """What makes a CSV a file to keep."""
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
