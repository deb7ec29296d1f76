"""`GET /v1/budgets` and one of them: how far budgets are used, and whether a key may go on. For gateways and for people."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard.budgets.usage import Burn, binding, burns
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

_JSON: Final = described(401, 403, 422, 500)
_ONE: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "No such budget", "content": {MEDIA_TYPE: {}}},
    **_JSON,
}
_KEY: Final = "Only budgets that bind this key: its id, its name, or the key itself in the header x-bf-vk."

RIGHTS: Final = (Right("/v1/budgets", "read"),)


def make_router(ledger: Ledger) -> APIRouter:
    """The budgets of one ledger."""
    router = APIRouter(prefix="/v1", tags=["finance"])

    @router.get("/budgets", responses=_JSON, summary="How far budgets are used, and whether a key may go on")
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
            found = burns(ledger, at)
            key = shown_key if shown_key is not None else virtual_key
            if key is not None:
                found = binding(ledger, _entry(ledger, key), found, at)
        return JSONResponse(_answer(found))

    @router.get(
        "/budgets/{name:path}",
        responses=_ONE,
        summary="How far a budget is used, and whether its subject may go on",
    )
    def one_budget(request: Request, name: str) -> Response:
        with understood():
            only_known(request, ())
        found = burns(ledger, now(), name)
        if not found:
            raise Problem(
                404, "unknown_budget", "No such budget", f"There is no budget {name!r} that counts today."
            )
        return JSONResponse(found[0].as_json())

    return router


def _answer(found: list[Burn]) -> dict[str, Any]:
    """Budgets, and whether all of them allow more."""
    return {"allowed": all(one.is_allowed for one in found), "budgets": [one.as_json() for one in found]}


def _entry(ledger: Ledger, key: str) -> int | None:
    """The key that is meant; None for one that no call has come with yet, shown by whoever has it.

    Whoever sees some teams alone is told nothing of the keys of others.
    """
    unknown = QuestionError("unknown_key", "virtual_key", "virtual_key: there is no such key")
    if not key.strip() or "\0" in key:  # a caller without a key does not ask about everybody's
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
    seen = names.visible_entries(ledger)
    if seen is not None and entry not in seen:
        raise unknown
    return entry
