"""`GET /v1/budgets` and `GET /v1/budgets/{name}`: the usage of budgets, and whether they allow more calls."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.budget_usage.usage import BudgetUsage, budget_usages, usages_binding_key
from dashboard.directory import names
from dashboard.http.params import only_known, understood
from dashboard.query.question import QuestionError
from ingest.clock import now
from ingest.http.openapi import described
from ingest.http.problems import MEDIA_TYPE, Problem
from ingest.ledger import directory
from ingest.ledger.engine import Ledger
from ingest.ledger.key_hashes import looks_secret
from ingest.model.principal import Right, current_principal

_ERRORS: Final = described(401, 403, 422, 500)
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such budget", "content": {MEDIA_TYPE: {}}},
    **_ERRORS,
}
_KEY: Final = "Only budgets that bind this key: its id, its name, or the key itself in the header x-bf-vk."

RIGHTS: Final = (Right("/v1/budgets", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The budgets of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get(
        "/budgets", responses=_ERRORS, summary="How far budgets are used, and whether a key may go on"
    )
    def budgets(
        request: Request,
        virtual_key: Annotated[str | None, Query(description=_KEY)] = None,
        shown_key: Annotated[str | None, Header(alias="x-bf-vk", description=_KEY)] = None,
    ) -> Response:
        at = now()
        with understood():
            only_known(request, ("virtual_key",))
            if len(request.query_params.getlist("virtual_key")) > 1:
                raise QuestionError("given_twice", "virtual_key", "virtual_key: ask about one key at a time")
            usages = budget_usages(ledger, at)
            key = shown_key if shown_key is not None else virtual_key
            if key is not None:
                usages = usages_binding_key(ledger, _entry(ledger, key), usages, at)
        return JSONResponse(_as_json(usages))

    @router.get(
        "/budgets/{name:path}",
        responses=_RESPONSES,
        summary="How far a budget is used, and whether its subject may go on",
    )
    def one_budget(request: Request, name: str) -> Response:
        with understood():
            only_known(request, ())
        usages = budget_usages(ledger, now(), name)
        if not usages:
            raise Problem(
                404, "unknown_budget", "No such budget", f"There is no budget {name!r} that counts today."
            )
        return JSONResponse(usages[0].as_json())

    return router


def _as_json(usages: list[BudgetUsage]) -> dict[str, Any]:
    """The usage of budgets, and whether all of them allow more calls."""
    return {
        "allowed": all(usage.is_allowed for usage in usages),
        "budgets": [usage.as_json() for usage in usages],
    }


def _entry(ledger: Ledger, key: str) -> int | None:
    """The directory entry of a key; None for a secret key that no call has used yet.

    A caller who may see only some teams cannot tell keys of other teams from unknown keys.
    """
    unknown = QuestionError("unknown_key", "virtual_key", "virtual_key: there is no such key")
    if not key.strip() or "\0" in key:  # an empty key must not ask about all budgets
        raise unknown
    try:
        with ledger.reading() as connection:
            entry = directory.find(connection, "virtual_key", key, ledger.keyring)
    except directory.NotKnown as error:
        if not current_principal().sees_all:
            raise unknown from error
        if looks_secret(key):
            return None
        raise QuestionError("unknown_key", "virtual_key", f"virtual_key: {error}") from error
    visible = names.visible_entries(ledger)
    if visible is not None and entry not in visible:
        raise unknown
    return entry
