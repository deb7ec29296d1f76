"""`GET /v1/reports/chargeback`: what every team owes for a period."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

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

    return router
