"""`GET /v1/fees`, `/v1/reconciliation`, `/v1/reports/chargeback`: what finance asks. It knows HTTP and no SQL."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard import reconciliation
from dashboard.answer import write_csv
from dashboard.api import (
    CSV,
    FORMAT,
    From,
    Timezone,
    To,
    file_headers,
    only_known,
    read_format,
    understood,
    wants_csv,
)
from dashboard.chargeback.calendar import read_calendar, read_month
from dashboard.chargeback.document import NoTypesetter
from dashboard.chargeback.outputs import FORMS, read_by, read_form, report_of
from dashboard.fees import as_json as fees_json
from dashboard.fees import fees_of
from dashboard.question import read_period, read_zone
from ingest.description import described
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from ingest.problems import MEDIA_TYPE, Problem

_BOTH: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 500),
}
_JSON: Final[dict[int | str, dict[str, Any]]] = described(401, 403, 422, 500)
_REPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {output.media_type.partition(";")[0]: {} for output in FORMS.values()}},
    501: {"description": "PDF is not installed", "content": {MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}


def make_router(ledger: Ledger) -> APIRouter:
    """What finance asks one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/fees", responses=_JSON, summary="Fees, and what they come to in a time")
    def fees(request: Request, start: From = None, end: To = None, timezone: Timezone = None) -> Response:
        with understood():
            only_known(request, ("from", "to", "timezone"))
            zone = read_zone(timezone) if timezone else ledger.zone
            period = read_period(start, end, zone, datetime.now(UTC))
        return JSONResponse(fees_json(fees_of(ledger, period), zone))

    @router.get("/reconciliation", responses=_BOTH, summary="What providers charge against the ledger")
    def reconciled(
        request: Request,
        period: Annotated[str, Query(description="A month of UTC, such as 2026-10.")],
        by: Annotated[str, Query(description="provider, day or model.")] = "provider",
        form: Annotated[str | None, Query(alias="format", description=FORMAT)] = None,
    ) -> Response:
        with understood():
            only_known(request, ("period", "by", "format"))
            as_file = read_format(form) == "csv"
            found = reconciliation.reconcile(ledger, read_month(period), reconciliation.read_by(by))
        if as_file or (form is None and wants_csv(request)):
            text = write_csv(reconciliation.CSV_COLUMNS, reconciliation.csv_rows(found))
            return Response(text, media_type=CSV, headers=file_headers("reconciliation") if as_file else None)
        return JSONResponse(reconciliation.as_json(found))

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
            calendar, lines, wanted = read_calendar(period), read_by(by), read_form(form)
            made = report_of(ledger, calendar, lines, micros(datetime.now(UTC)))
        output = FORMS[wanted]
        try:
            body = output.make(made)
        except NoTypesetter as error:
            raise Problem(501, "no_pdf", "PDF is not installed", str(error)) from error
        name = f"chargeback-{period.replace('/', '-to-')}.{wanted}"
        headers = {} if wanted == "json" else {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=output.media_type, headers=headers)

    return router
