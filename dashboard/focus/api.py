"""`GET /v1/exports/focus`: charges as a FOCUS dataset, its metadata, and the calls without a price. It knows HTTP and no SQL."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from dashboard.focus import parquet_file
from dashboard.focus.export import describe, pieces, unpriced_of
from dashboard.focus.parse_request import Asked, Words, read
from dashboard.http.params import CSV, only_known, understood
from ingest.http.openapi import described
from ingest.http.problems import Problem
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right

_KNOWN: Final = (
    "period",
    "from",
    "to",
    "profile",
    "version",
    "format",
    "issuer",
    "account",
    "billed_cost",
)
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}, parquet_file.MEDIA_TYPE: {}}},
    **described(401, 403, 422, 500),
}
_ABOUT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}}},
    **described(401, 403, 422, 500),
}
_LISTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}}},
    **described(401, 403, 422, 500),
}

Period = Annotated[str | None, Query(description="The month, such as 2026-10.")]
From = Annotated[str | None, Query(alias="from", description="The first day, instead of a month.")]
To = Annotated[str | None, Query(alias="to", description="The day after the last, instead of a month.")]
Profile = Annotated[str, Query(description="`chargeback` or `provider`.")]
Version = Annotated[str, Query(description="The FOCUS version: `1.4` or `1.2`.")]
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
    """The exports of one ledger."""
    router = APIRouter(prefix="/v1/exports/focus", tags=["finance"])

    @router.get("", responses=_ANSWERS, response_class=Response, summary="Charges as a FOCUS dataset")
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
    ) -> Response:
        words = Words(period, start, end, profile, version, form, issuer, accounts or (), billed_cost)
        asked = _read(request, words, ledger)
        if asked.form == "parquet" and not parquet_file.is_there():
            raise Problem(
                501, "no_parquet", "Parquet cannot be written", "pyarrow is not installed here; use csv."
            )
        media_type = parquet_file.MEDIA_TYPE if asked.form == "parquet" else CSV
        name = f'attachment; filename="focus.{asked.form}"'
        return StreamingResponse(
            _stream(ledger, asked), media_type=media_type, headers={"Content-Disposition": name}
        )

    @router.get("/metadata", responses=_ABOUT, summary="The schema, and which days are complete")
    def metadata(
        request: Request,
        *,
        period: Period = None,
        start: From = None,
        end: To = None,
        profile: Profile = "chargeback",
        version: Version = "1.4",
        issuer: Issuer = None,
    ) -> Response:
        asked = _read(request, Words(period, start, end, profile, version, issuer=issuer), ledger)
        return JSONResponse(describe(ledger, asked.order, asked.version))

    @router.get(
        "/unpriced",
        responses=_LISTED,
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
        asked = _read(request, Words(period, start, end, profile), ledger)
        return Response(unpriced_of(ledger, asked.order), media_type=CSV)

    return router


def _read(request: Request, words: Words, ledger: Ledger) -> Asked:
    with understood():
        only_known(request, _KNOWN)
        return read(words, ledger.zone)


def _stream(ledger: Ledger, asked: Asked) -> Iterator[bytes]:
    with ledger.reading() as connection:
        yield from pieces(connection, ledger, asked.order, asked.version, asked.form)
