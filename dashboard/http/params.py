"""The query parameters and responses that routers share.

Filters are given as `where=DIM=VALUE` or, shorter, as `DIM=VALUE` (`?model=gpt-4o&team=ml`). A parameter that
does not exist is refused, so that a typing error never widens an answer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.query import catalogue
from dashboard.query.question import QuestionError
from ingest.http.openapi import described
from ingest.http.problems import MEDIA_TYPE, Problem

CSV: Final = "text/csv; charset=utf-8"
JSON_OR_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 500),
}
ONE_CALL: Final[dict[int | str, dict[str, Any]]] = {
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
Format = Annotated[str | None, Query(alias="format", description=FORMAT)]
Timezone = Annotated[
    str | None, Query(description="IANA zone of dates and days; the ledger's where not given.")
]


@contextmanager
def understood() -> Iterator[None]:
    """Turn a `QuestionError` into a response with status 422."""
    try:
        yield
    except QuestionError as error:
        title = "The question cannot be answered"
        raise Problem(422, error.code, title, str(error), extra={"parameter": error.parameter}) from error


def answered(
    request: Request,
    form: str | None,
    *,
    json: Callable[[], object],
    csv: Callable[[], str],
    name: str | None = None,
) -> Response:
    """The response as CSV or JSON, whichever the caller asks for; only this body is made.

    With `format=csv` and a `name`, the CSV is an attachment with this file name.
    """
    if not wants_csv(request, form):
        return JSONResponse(json())
    headers = file_headers(name) if name is not None and form == "csv" else None
    return Response(csv(), media_type=CSV, headers=headers)


def wants_csv(request: Request, form: str | None) -> bool:
    """Whether the caller asks for CSV: by the format, or else by naming CSV before JSON in `Accept`."""
    if form is not None:
        return form == "csv"
    kinds = [kind.split(";")[0].strip() for kind in request.headers.get("accept", "").lower().split(",")]
    first = next((kind for kind in kinds if kind in ("text/csv", "application/json")), None)
    return first == "text/csv"


def short_filters(request: Request, known: Iterable[str]) -> list[str]:
    """The filters given as `DIM=VALUE`. A parameter that is neither a dimension nor `known` is refused."""
    filters = []
    for name, value in request.query_params.multi_items():
        if name in known:
            continue
        if catalogue.dimension(name) is None:
            allowed = f"{', '.join(known)}, or a dimension to filter on"
            raise QuestionError(
                "unknown_parameter", name, f"there is no parameter {name!r}; there are {allowed}"
            )
        filters.append(f"{name}={value}")
    return filters


def only_known(request: Request, known: Iterable[str]) -> None:
    """Refuse parameters that are not `known`."""
    for name in request.query_params:
        if name not in known:
            message = f"there is no parameter {name!r}; there are {', '.join(known) or 'none'}"
            raise QuestionError("unknown_parameter", name, message)


def check_format(form: str | None) -> None:
    """Refuse formats other than CSV and JSON."""
    if form not in (None, "csv", "json"):
        raise QuestionError(
            "unknown_format", "format", f"format: there is no format {form!r}; use csv or json"
        )


def file_headers(name: str) -> dict[str, str]:
    """The headers that make a CSV an attachment."""
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}


def read_event_id(text: str) -> UUID | None:
    """The id of a call; None for a text that is no id."""
    try:
        return UUID(text)
    except ValueError:
        return None
