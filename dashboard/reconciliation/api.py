"""`GET /v1/reconciliation`: what providers charge, compared with the ledger."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.http.params import JSON_OR_CSV, Format, answered, check_format, only_known, understood
from dashboard.query.calendar import read_month
from dashboard.query.serialize import write_csv
from dashboard.reconciliation import compare
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

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
            check_format(form)
            reconciliation = compare.reconcile(ledger, read_month(period), compare.read_group_by(by))
        return answered(
            request,
            form,
            json=lambda: compare.as_json(reconciliation),
            csv=lambda: write_csv(compare.CSV_COLUMNS, compare.csv_rows(reconciliation)),
            name="reconciliation",
        )

    return router
