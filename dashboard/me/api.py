"""`GET /v1/me/usage`: the usage and the budgets of the virtual key that the request is authenticated with."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.budget_usage import usage as budgets
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
from dashboard.query.question import QuestionText, parse
from dashboard.query.run import Result, run
from dashboard.query.serialize import as_csv, as_json
from ingest.clock import now
from ingest.http.openapi import described
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right, current_principal

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/csv": {}}},
    **described(401, 403, 422, 429, 500),
}

RIGHTS: Final = (Right("/v1/me", None, is_of_key=True),)


def make_router(ledger: Ledger) -> APIRouter:
    """The routes that a caller with a virtual key may use."""
    router = APIRouter(prefix="/v1/me", tags=["read"])

    @router.get("/usage", responses=_RESPONSES, summary="What was used with the caller's own virtual key")
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
        known_parameters = ("by", "metric", "from", "to", "interval", "timezone", "format")
        with understood():
            only_known(request, known_parameters)
            question = QuestionText(by or (), metric or (), start, end, interval, timezone)
            check_format(form)
            result = run(ledger, parse(question, ledger.zone, datetime.now(UTC)))
        return answered(
            request, form, json=lambda: _as_json(ledger, result), csv=lambda: as_csv(result), name="usage"
        )

    return router


def _as_json(ledger: Ledger, result: Result) -> dict[str, Any]:
    """The usage of the caller's virtual key, with the key's name and budgets."""
    key = names.known_as(ledger, "virtual_key", current_principal().virtual_key or "")
    key_budgets = [
        burn.as_json() for burn in budgets.budget_usages(ledger, now()) if burn.budget.scope == "virtual_key"
    ]
    name = None if key is None else key.shown
    return {"virtual_key": name} | as_json(result) | {"budgets": key_budgets}
