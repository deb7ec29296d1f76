"""`GET /v1/exports/focus`: charges as a FOCUS dataset, its metadata, and the calls without a price.

This module knows HTTP and no SQL.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from dashboard.focus import parquet_file
from dashboard.focus.dataset import require_reporting_currency
from dashboard.focus.export import export_chunks, export_metadata, export_unpriced
from dashboard.focus.parse_request import ExportOptions, ExportRequest, read_request
from dashboard.http.params import CSV, only_known, understood
from ingest.http.openapi import described
from ingest.http.problems import Problem
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

_PARAMETERS: Final = (
    "period",
    "from",
    "to",
    "profile",
    "version",
    "format",
    "issuer",
    "account",
    "billed_cost",
    "dataset",
)
_EXPORT_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}, parquet_file.MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}
_METADATA_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}}},
    **described(401, 403, 422, 500),
}
_UNPRICED_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}}},
    **described(401, 403, 422, 500),
}

Period = Annotated[str | None, Query(description="The month, such as 2026-10.")]
From = Annotated[str | None, Query(alias="from", description="The first day, instead of a month.")]
To = Annotated[str | None, Query(alias="to", description="The day after the last, instead of a month.")]
Profile = Annotated[str, Query(description="`chargeback` or `provider`.")]
Version = Annotated[str, Query(description="The FOCUS version: `1.4`, `1.2` or the draft `1.5`.")]
Dataset = Annotated[str, Query(description="`cost_and_usage`, `invoice_detail` or `billing_period`.")]
Format = Annotated[str, Query(alias="format", description="`csv` or `parquet`.")]
Issuer = Annotated[
    str | None, Query(description="With `chargeback`: what the platform is called; Tallybook.")
]
Accounts = Annotated[
    list[str] | None, Query(alias="account", description="With `provider`: PROVIDER=ACCOUNT, repeated.")
]
Billed = Annotated[str, Query(description="With `provider`: `estimate` or `zero`.")]

RIGHTS: Final = (Right("/v1/exports", "finance"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes that export the charges of a ledger."""
    router = APIRouter(prefix="/v1/exports/focus", tags=["finance"])

    @router.get(
        "", responses=_EXPORT_RESPONSES, response_class=Response, summary="Charges as a FOCUS dataset"
    )
    def charges(
        request: Request,
        *,
        period: Period = None,
        start: From = None,
        end: To = None,
        profile: Profile = "chargeback",
        version: Version = "1.4",
        form: Format = "csv",
        issuer: Issuer = None,
        accounts: Accounts = None,
        billed_cost: Billed = "estimate",
        dataset: Dataset = "cost_and_usage",
    ) -> Response:
        options = ExportOptions(
            period, start, end, profile, version, form, issuer, accounts or (), billed_cost, dataset
        )
        export = _read(request, options, ledger)
        if export.form == "parquet" and not parquet_file.is_available():
            raise Problem(
                501, "no_parquet", "Parquet cannot be written", "pyarrow is not installed here; use csv."
            )
        media_type = parquet_file.MEDIA_TYPE if export.form == "parquet" else CSV
        name = f'attachment; filename="focus.{export.form}"'
        return StreamingResponse(
            _stream(ledger, export), media_type=media_type, headers={"Content-Disposition": name}
        )

    @router.get("/metadata", responses=_METADATA_RESPONSES, summary="The schema, and which days are complete")
    def metadata(
        request: Request,
        *,
        period: Period = None,
        start: From = None,
        end: To = None,
        profile: Profile = "chargeback",
        version: Version = "1.4",
        issuer: Issuer = None,
        dataset: Dataset = "cost_and_usage",
    ) -> Response:
        options = ExportOptions(period, start, end, profile, version, issuer=issuer, dataset=dataset)
        export = _read(request, options, ledger)
        return JSONResponse(export_metadata(ledger, export.scope, export.version))

    @router.get(
        "/unpriced",
        responses=_UNPRICED_RESPONSES,
        response_class=Response,
        summary="Calls that have no price and are no charge",
    )
    def unpriced(
        request: Request,
        *,
        period: Period = None,
        start: From = None,
        end: To = None,
        profile: Profile = "chargeback",
    ) -> Response:
        export = _read(request, ExportOptions(period, start, end, profile), ledger)
        return Response(export_unpriced(ledger, export.scope), media_type=CSV)

    return router


def _read(request: Request, options: ExportOptions, ledger: Ledger) -> ExportRequest:
    with understood():
        only_known(request, _PARAMETERS)
        export = read_request(options, ledger.zone)
        require_reporting_currency(ledger, export.scope)
        return export


def _stream(ledger: Ledger, export: ExportRequest) -> Iterator[bytes]:
    with ledger.reading() as connection:
        yield from export_chunks(connection, ledger, export.scope, export.version, export.form)
