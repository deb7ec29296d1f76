"""`GET /v1/requests` and `GET /v1/requests/{event_id}`: single calls."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from dashboard.calls.calls import (
    LISTED_FIELDS,
    MAX_LIMIT,
    Call,
    CallsPage,
    list_calls,
    read_call,
    read_cursor,
)
from dashboard.calls.store import DEFAULT_LIMIT, CallsQuery
from dashboard.http.params import (
    CSV,
    FORMAT,
    JSON_OR_CSV,
    ONE_CALL,
    From,
    Timezone,
    To,
    Where,
    check_format,
    file_headers,
    read_event_id,
    short_filters,
    understood,
    wants_csv,
)
from dashboard.query.question import read_filters, read_limit, read_moment, read_zone
from dashboard.query.serialize import write_csv
from ingest.http.problems import Problem
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

_ALL_CALLS: Final = "Without `limit` the file holds all calls."

RIGHTS: Final = (Right("/v1/requests", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes of single calls."""
    router = APIRouter(prefix="/v1", tags=["read"])

    @router.get("/requests", responses=JSON_OR_CSV, summary="Single calls, newest first")
    def requests(
        request: Request,
        *,
        start: From = None,
        end: To = None,
        timezone: Timezone = None,
        where: Where = None,
        limit: Annotated[str | None, Query(description=f"Calls on a page, at most {MAX_LIMIT}.")] = None,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
        form: Annotated[str | None, Query(alias="format", description=f"{FORMAT} {_ALL_CALLS}")] = None,
    ) -> Response:
        names = ("from", "to", "timezone", "where", "limit", "cursor", "format")
        with understood():
            zone = read_zone(timezone) if timezone else ledger.zone
            query = CallsQuery(
                start=read_moment("from", start, zone) if start else None,
                end=read_moment("to", end, zone) if end else None,
                filters=read_filters([*(where or ()), *short_filters(request, names)]),
                limit=read_limit(limit, MAX_LIMIT) if limit else DEFAULT_LIMIT,
                after=read_cursor(cursor) if cursor else None,
            )
            check_format(form)
        if form == "csv" and limit is None:
            return StreamingResponse(
                _all_calls(ledger, query), media_type=CSV, headers=file_headers("requests")
            )
        page = list_calls(ledger, query)
        if wants_csv(request, form):
            return _page_csv(page)
        return JSONResponse({"requests": page.calls, "next_cursor": page.next_cursor})

    @router.get("/requests/{event_id}", responses=ONE_CALL, summary="One call in full")
    def one_request(event_id: str) -> Response:
        call = read_call(ledger, wanted_id) if (wanted_id := read_event_id(event_id)) else None
        if call is None:
            raise Problem(404, "unknown_request", "No such request", f"There is no request {event_id!r}.")
        return JSONResponse(call)

    return router


def _page_csv(page: CallsPage) -> Response:
    headers = {"X-Next-Cursor": page.next_cursor} if page.next_cursor else {}
    lines = map(_cells, page.calls)
    return Response(write_csv(LISTED_FIELDS, lines), media_type=CSV, headers=headers)


def _all_calls(ledger: Ledger, query: CallsQuery) -> Iterator[str]:
    """The CSV of all calls, a page at a time."""
    header: Iterable[str] = LISTED_FIELDS
    following: CallsQuery | None = replace(query, limit=MAX_LIMIT)
    while following is not None:
        page = list_calls(ledger, following)
        yield write_csv(header, map(_cells, page.calls))
        header = ()
        cursor = page.next_cursor
        following = replace(following, after=read_cursor(cursor)) if cursor else None


def _cells(call: Call) -> list[Any]:
    """The listed fields of a call as cells of CSV; several flags have commas between them."""
    return [",".join(value) if isinstance(value := call[name], list) else value for name in LISTED_FIELDS]
