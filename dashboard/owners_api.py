"""`GET /v1/owners`: who owns what, from which day on, as it was recorded. It knows HTTP and no SQL."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.answer import write_csv
from dashboard.ownership_view import held, read_asked
from dashboard.params import CSV, read_format, understood, wants_csv
from dashboard.question import QuestionError
from ingest.description import described
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger
from ingest.principal import Right

_KNOWN: Final = ("subject", "at", "as_of", "format")
_COLUMNS: Final = (
    "number",
    "subject_kind",
    "subject",
    "target_kind",
    "target",
    "parts",
    "from",
    "to",
    "reason",
    "recorded_at",
    "recorded_by",
)
_BOTH: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 500),
}

RIGHTS: Final = (Right("/v1/owners", "read", is_whole=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """The owners of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/owners", responses=_BOTH, summary="Who owns what, as it was recorded")
    def owners(
        request: Request,
        *,
        subject: Annotated[
            str | None, Query(description="A key or a team by its id or name; a project, and the like.")
        ] = None,
        at: Annotated[str | None, Query(description="Only what covers this day.")] = None,
        as_of: Annotated[
            str | None, Query(description="Only what was recorded before: a date or an RFC 3339 time.")
        ] = None,
        form: Annotated[str | None, Query(alias="format", description="`csv` or `json`.")] = None,
    ) -> Response:
        with understood():
            _all_known(request)
            is_csv = read_format(form) == "csv" or (form is None and wants_csv(request))
            try:
                found = [one.as_json() for one in held(ledger, read_asked(subject, at, as_of, ledger.zone))]
            except NotKnown as error:
                raise QuestionError("ambiguous_subject", "subject", f"subject: {error}") from error
        if is_csv:
            return Response(write_csv(_COLUMNS, map(_cells, _by_target(found))), media_type=CSV)
        return JSONResponse({"owners": found})

    return router


def _all_known(request: Request) -> None:
    for name in request.query_params:
        if name not in _KNOWN:
            message = f"there is no parameter {name!r}; there are {', '.join(_KNOWN)}"
            raise QuestionError("unknown_parameter", name, message)


def _by_target(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each target; one without a target for what takes ownership away."""
    nobody = {"name": "", "parts": ""}
    return [
        one | {"target": each["name"], "parts": each["parts"]}
        for one in found
        for each in one["targets"] or [nobody]
    ]


def _cells(line: dict[str, Any]) -> list[Any]:
    return [line[name] for name in _COLUMNS]
