"""Rights: which scope each URL path needs. A path without a right needs `admin`.

Each module with routes declares their rights as `RIGHTS`. `dashboard.server.site`
joins them and hands the table to the guard (`ingest.access.guard`).
"""

from collections.abc import Iterable
from typing import Final

from ingest.model.principal import Principal, Right

CLOSED: Final = Right("", "admin")
"""The right of a path that no module declares."""


class Rights:
    """The rights of a server's paths."""

    def __init__(self, rights: Iterable[Right]) -> None:
        self._by_path: dict[str, Right] = {}
        for right in rights:
            if right.path in self._by_path:
                raise ValueError(f"two rights are written for {right.path}")
            self._by_path[right.path] = right

    def right_of(self, path: str) -> Right:
        """The right of a path: the right of its longest declared prefix."""
        parts = path.split("/")
        for length in range(len(parts), 1, -1):
            if right := self._by_path.get("/".join(parts[:length]) or "/"):
                return right
        return CLOSED

    def refusal_reason(self, principal: Principal, path: str) -> str | None:
        """Why a principal may not use a path; None if it may."""
        right = self.right_of(path)
        if principal.virtual_key is not None:
            return None if right.is_of_key else "a virtual key shows its own use alone, at /v1/me/usage"
        if right.is_of_key:
            return "send the virtual key itself as Authorization: Bearer sk-..."
        if right.scope is not None and not principal.may(right.scope):
            return f"this needs the scope {right.scope}"
        if right.is_whole and not principal.sees_all:
            return "this tells of the calls of every team"
        return None
