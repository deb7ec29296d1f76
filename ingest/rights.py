"""Rights: which scope each address needs, in one table. What is not in it needs `admin`, so that a new address is closed until it is here."""

from typing import Final, NamedTuple

from ingest.principal import Principal, Scope


class Right(NamedTuple):
    """What an address needs."""

    scope: Scope | None
    """None for everybody who is let in at all."""
    is_whole: bool = False
    """Whether it tells of everybody's calls at once, so that nobody comes there who sees some teams alone."""


_KEY_HOLDERS: Final = "/v1/me"
_BELOW: Final[dict[str, Right]] = {
    "/v1/ingest": Right("ingest"),
    "/v1/traces": Right("ingest"),
    "/v1/formats": Right(None),
    "/openapi.json": Right(None),
    "/docs": Right(None),
    "/": Right(None),
    "/metrics": Right("read", is_whole=True),
    "/v1/spend": Right("read"),
    "/v1/requests": Right("read"),
    "/v1/whatif": Right("read"),
    "/v1/budgets": Right("read"),
    "/v1/alerts": Right("read"),
    "/v1/prices": Right("read", is_whole=True),
    "/v1/fees": Right("read", is_whole=True),
    "/v1/owners": Right("read", is_whole=True),
    "/v1/reports": Right("finance"),
    "/v1/exports": Right("finance"),
    "/v1/reconciliation": Right("finance"),
    "/dashboard": Right("read"),
}
"""By the address that they begin with. What pages need beside this stands with the pages."""


def needed(path: str) -> Right:
    """What an address needs."""
    parts = path.split("/")
    for length in range(len(parts), 1, -1):
        if found := _BELOW.get("/".join(parts[:length]) or "/"):
            return found
    return Right("admin")


def lacks(principal: Principal, path: str) -> str | None:
    """Why somebody may not come to an address; None if they may."""
    if principal.virtual_key is not None:
        is_theirs = f"{path}/".startswith(f"{_KEY_HOLDERS}/")
        return None if is_theirs else "a virtual key shows its own use alone, at /v1/me/usage"
    if f"{path}/".startswith(f"{_KEY_HOLDERS}/"):
        return "send the virtual key itself as Authorization: Bearer sk-..."
    right = needed(path)
    if right.scope is not None and not principal.may(right.scope):
        return f"this needs the scope {right.scope}"
    if right.is_whole and not principal.sees_all:
        return "this tells of the calls of every team"
    return None
