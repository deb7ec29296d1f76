"""`GET /v1/reports/chargeback`, `journal` and `adjustments`: what every team owes, postings, and reasons."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse, Response

from dashboard.chargeback.adjustment import adjustment_as_json, read_adjustment, unknown_adjustment
from dashboard.chargeback.journal import Clearing, journal
from dashboard.chargeback.journal import as_csv as journal_as_csv
from dashboard.chargeback.journal import as_json as journal_as_json
from dashboard.chargeback.outputs import FORMS, file_stem, read_form, read_group_by, report_of
from dashboard.chargeback.pdf import NoTypesetter
from dashboard.http.params import only_known, understood
from dashboard.query.calendar import read_calendar
from ingest.http.openapi import described
from ingest.http.problems import MEDIA_TYPE, Problem
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right
from ingest.model.zone import micros

_REPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {output.media_type.partition(";")[0]: {} for output in FORMS.values()}},
    501: {"description": "PDF is not installed", "content": {MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}

_JOURNAL: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 500),
}

_ADJUSTMENT: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such adjustment", "content": {MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}

RIGHTS: Final = (Right("/v1/reports", "finance"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The chargeback reports of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/reports/chargeback", responses=_REPORT, summary="What every team owes for a period")
    def chargeback(
        request: Request,
        period: Annotated[
            str, Query(description="2026-10, 2026-Q4, 2026, 2026-W41, 2026-10-05, or days FROM/TO.")
        ],
        by: Annotated[str, Query(description="A line for each team, customer or cost_center.")] = "team",
        form: Annotated[str, Query(alias="format", description="json, csv, xlsx or pdf.")] = "json",
    ) -> Response:
        with understood():
            only_known(request, ("period", "by", "format"))
            calendar, group_by, report_form = read_calendar(period), read_group_by(by), read_form(form)
            report = report_of(ledger, calendar, group_by, micros(datetime.now(UTC)))
        output = FORMS[report_form]
        try:
            body = output.make(report)
        except NoTypesetter as error:
            raise Problem(501, "no_pdf", "PDF is not installed", str(error)) from error
        name = f"{file_stem(report.statement)}.{report_form}"
        headers = {} if report_form == "json" else {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=output.media_type, headers=headers)

    @router.get("/reports/journal", responses=_JOURNAL, summary="Postings of a period for accounting")
    def journal_of_period(
        request: Request,
        period: Annotated[str, Query(description="A period, as for the chargeback report.")],
        form: Annotated[Literal["json", "csv"], Query(alias="format", description="json or csv.")] = "json",
        credit_gl: Annotated[str, Query(description="The account that the platform is credited on.")] = "",
        credit_cost_center: Annotated[
            str, Query(description="The cost centre that the platform is credited on.")
        ] = "",
    ) -> Response:
        with understood():
            only_known(request, ("period", "format", "credit_gl", "credit_cost_center"))
            report = report_of(ledger, read_calendar(period), "team", micros(datetime.now(UTC)))
        made = journal(report, Clearing(cost_center=credit_cost_center, gl_code=credit_gl))
        if form == "json":
            return JSONResponse(journal_as_json(made))
        name = file_stem(report.statement).replace("chargeback", "journal", 1)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(journal_as_csv(made), media_type="text/csv; charset=utf-8", headers=headers)

    @router.get(
        "/reports/adjustments/{number}",
        responses=_ADJUSTMENT,
        summary="What an adjustment is made of",
    )
    def adjustment(
        request: Request,
        number: Annotated[str, PathParameter(description="Its number on a statement, such as 2026-11-3.")],
    ) -> dict[str, Any]:
        with understood():
            only_known(request, ())
            made = read_adjustment(ledger, number, micros(datetime.now(UTC)))
        if made is None:
            raise Problem(
                404, "unknown_adjustment", "There is no such adjustment", unknown_adjustment(number)
            )
        return adjustment_as_json(made)

    return router
