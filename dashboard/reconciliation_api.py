"""`GET /v1/reconciliation`: what providers charge against the ledger."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard import reconciliation
from dashboard.answer import write_csv
from dashboard.chargeback.calendar import read_month
from dashboard.params import (
    CSV,
    JSON_OR_CSV,
    Format,
    file_headers,
    only_known,
    read_format,
    understood,
    wants_csv,
)
from ingest.ledger.engine import Ledger
from ingest.principal import Right

RIGHTS: Final = (Right("/v1/reconciliation", "finance"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The reconciliation of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/reconciliation", responses=JSON_OR_CSV, summary="What providers charge against the ledger")
    def reconciled(
        request: Request,
        period: Annotated[str, Query(description="A month of UTC, such as 2026-10.")],
        by: Annotated[str, Query(description="provider, day or model.")] = "provider",
        form: Format = None,
    ) -> Response:
        with understood():
            only_known(request, ("period", "by", "format"))
            as_file = read_format(form) == "csv"
            found = reconciliation.reconcile(ledger, read_month(period), reconciliation.read_by(by))
        if as_file or (form is None and wants_csv(request)):
            text = write_csv(reconciliation.CSV_COLUMNS, reconciliation.csv_rows(found))
            return Response(text, media_type=CSV, headers=file_headers("reconciliation") if as_file else None)
        return JSONResponse(reconciliation.as_json(found))

    return router
