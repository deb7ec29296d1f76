"""`GET /v1/me/usage`: whoever holds a virtual key sees what was used with it, and what they may still spend. Who that is the guard has said."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.budgets import usage as budgets
from dashboard.directory import names
from dashboard.http.params import (
    Format,
    From,
    Names,
    Timezone,
    To,
    answered,
    check_format,
    only_known,
    understood,
)
from dashboard.query.question import Words, parse
from dashboard.query.run import Result, run
from dashboard.query.serialize import as_csv, as_json
from ingest.clock import now
from ingest.http.openapi import described
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right, current_principal

_BOTH: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 429, 500),
}

RIGHTS: Final = (Right("/v1/me", None, is_of_key=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """What the holder of a virtual key may ask of one ledger."""
    router = APIRouter(prefix="/v1/me", tags=["read"])

    @router.get("/usage", responses=_BOTH, summary="What was used with the caller's own virtual key")
    def usage(
        request: Request,
        *,
        by: Names = None,
        metric: Names = None,
        start: From = None,
        end: To = None,
        interval: Annotated[str | None, Query(description="hour, day, week or month.")] = None,
        timezone: Timezone = None,
        form: Format = None,
    ) -> Response:
        known = ("by", "metric", "from", "to", "interval", "timezone", "format")
        with understood():
            only_known(request, known)
            words = Words(by or (), metric or (), start, end, interval, timezone)
            check_format(form)
            result = run(ledger, parse(words, ledger.zone, datetime.now(UTC)))
        return answered(
            request, form, json=lambda: _as_json(ledger, result), csv=lambda: as_csv(result), name="usage"
        )

    return router


def _as_json(ledger: Ledger, result: Result) -> dict[str, Any]:
    """The usage of the caller's key, with the key's name and budgets."""
    holder = names.known_as(ledger, "virtual_key", current_principal().virtual_key or "")
    burns = [one.as_json() for one in budgets.burns(ledger, now()) if one.budget.scope == "virtual_key"]
    name = None if holder is None else holder.shown
    return {"virtual_key": name} | as_json(result) | {"budgets": burns}
