"""`GET /v1/owners`: the recorded assignments of owners to keys, teams and projects. HTTP only, no SQL."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.directory.history import history_entries, read_options
from dashboard.http.params import JSON_OR_CSV, answered, check_format, only_known, understood
from dashboard.query.question import QuestionError
from dashboard.query.serialize import write_csv
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

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

RIGHTS: Final = (Right("/v1/owners", "read", is_whole=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """The owners of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/owners", responses=JSON_OR_CSV, summary="Who owns what, as it was recorded")
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
            only_known(request, _KNOWN)
            check_format(form)
            try:
                options = read_options(subject, at, as_of, ledger.zone)
                entries = [entry.as_json() for entry in history_entries(ledger, options)]
            except NotKnown as error:
                raise QuestionError("ambiguous_subject", "subject", f"subject: {error}") from error
        return answered(
            request,
            form,
            json=lambda: {"owners": entries},
            csv=lambda: write_csv(_COLUMNS, map(_cells, _by_target(entries))),
        )

    return router


def _by_target(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each target of each assignment.

    A line with an empty target where ownership is taken away.
    """
    no_target = {"name": "", "parts": ""}
    return [
        entry | {"target": target["name"], "parts": target["parts"]}
        for entry in entries
        for target in entry["targets"] or [no_target]
    ]


def _cells(line: dict[str, Any]) -> list[Any]:
    return [line[name] for name in _COLUMNS]
