"""Principals: who makes a request, what they may do, and whose figures they may see.

The guard (`ingest.access.guard`) sets the principal of a request before anything else runs; code
that handles the request reads it with `current_principal()`. Commands and the server's own threads
run as `HERE`, which may do everything: a user who can start them can read the ledger's file.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

Scope = Literal["ingest", "read", "finance", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

_IMPLIED: Final[Mapping[Scope, frozenset[Scope]]] = {
    "ingest": frozenset(("ingest",)),
    "read": frozenset(("read",)),
    "finance": frozenset(("finance", "read")),
    "admin": frozenset(SCOPES),
}


class NotAllowed(Exception):
    """The principal may not do this; the message names the scope it needs."""


class Right(NamedTuple):
    """What a URL path, and every path below it, requires."""

    path: str
    scope: Scope | None
    """None for every authenticated principal."""
    is_whole: bool = False
    """Whether it shows the calls of all teams together.

    Closed to principals that are limited to some teams.
    """
    is_of_key: bool = False
    """Whether it is for holders of a virtual key only. Every other path is closed to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user, a token or the holder of a virtual key."""

    name: str
    """The name in the audit log."""
    scopes: frozenset[Scope]
    teams: tuple[str, ...] | None = None
    """The ids of the only teams whose calls they see; None for all."""
    virtual_key: str | None = None
    """The id of the key whose usage they see, for the holder of a key, who may do nothing else."""
    is_signed_in: bool = False
    """Whether they were authenticated by the session of a browser."""

    def may(self, scope: Scope) -> bool:
        """Whether they have a scope, also by a wider one. A principal limited to teams may only read."""
        if self.teams is not None and scope != "read":
            return False
        return any(scope in _IMPLIED[granted] for granted in self.scopes)

    @property
    def sees_all(self) -> bool:
        """Whether they see the calls of all teams and keys."""
        return self.teams is None and self.virtual_key is None


HERE: Final = Principal(name="dashboard", scopes=frozenset(("admin",)))
"""The principal of commands, and of a server on this machine that needs no credentials."""
NOBODY: Final = Principal(name="nobody", scopes=frozenset(), teams=())

_asking: ContextVar[Principal] = ContextVar("asking", default=HERE)


def current_principal() -> Principal:
    """The principal of the request that is being handled."""
    return _asking.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Make `principal` the current principal while the block runs."""
    token = _asking.set(principal)
    try:
        yield
    finally:
        _asking.reset(token)


def require(scope: Scope) -> Principal:
    """The current principal, if it has the scope.

    Raises:
        NotAllowed: it does not have the scope.
    """
    principal = current_principal()
    if not principal.may(scope):
        raise NotAllowed(f"this needs the scope {scope}, which {principal.name} does not have")
    return principal


def combine_grants(
    granted: Iterable[tuple[Scope, str | None]],
) -> tuple[frozenset[Scope], tuple[str, ...] | None]:
    """The scopes of several grants, and the teams that reading is limited to; None for all teams.

    A grant is a scope and a team. A grant of reading without a team lifts the limit.
    """
    grants = list(granted)
    scopes = frozenset(scope for scope, _ in grants)
    limited = [team for scope, team in grants if team is not None]
    if not limited or any(team is None and "read" in _IMPLIED[scope] for scope, team in grants):
        return scopes, None
    return scopes, tuple(dict.fromkeys(limited))
