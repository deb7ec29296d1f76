"""Principals: who asks, what they may do, and whose figures they may see.

Whoever handles a request asks `asking()`; the guard (`ingest.access.guard`) says who it is before anything else runs. Commands and threads
of the server itself ask as `HERE`, which may do everything: whoever can start them can read the ledger's file.
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
    """Somebody asks for what they may not do; the message says what it needs."""


class Right(NamedTuple):
    """What an address, and every address below it, needs."""

    path: str
    scope: Scope | None
    """None for everybody who is let in at all."""
    is_whole: bool = False
    """Whether it tells of everybody's calls at once, so that nobody comes there who sees some teams alone."""
    is_of_key: bool = False
    """Whether it is for the holder of a virtual key, who comes nowhere else, and for nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who asks."""

    name: str
    """How the audit log calls them."""
    scopes: frozenset[Scope]
    teams: tuple[str, ...] | None = None
    """The ids of the only teams whose calls they see; None for all."""
    virtual_key: str | None = None
    """The ident of the only key whose use they see; its holder may do nothing else."""
    is_signed_in: bool = False
    """Whether a browser's session says who they are."""

    def may(self, scope: Scope) -> bool:
        """Whether they may do what needs a scope. Whoever sees some teams alone may read, and nothing else."""
        if self.teams is not None and scope != "read":
            return False
        return any(scope in _IMPLIED[one] for one in self.scopes)

    @property
    def sees_all(self) -> bool:
        """Whether they see the calls of everybody."""
        return self.teams is None and self.virtual_key is None


HERE: Final = Principal(name="dashboard", scopes=frozenset(("admin",)))
"""Whoever uses this machine's own server, or a command."""
NOBODY: Final = Principal(name="nobody", scopes=frozenset(), teams=())

_asking: ContextVar[Principal] = ContextVar("asking", default=HERE)


def asking() -> Principal:
    """Who asks for what is being done."""
    return _asking.get()


@contextmanager
def asked_by(principal: Principal) -> Iterator[None]:
    """While the block runs, `principal` asks."""
    token = _asking.set(principal)
    try:
        yield
    finally:
        _asking.reset(token)


def require(scope: Scope) -> Principal:
    """Who asks, if they may do what needs a scope.

    Raises:
        NotAllowed: they may not.
    """
    principal = asking()
    if not principal.may(scope):
        raise NotAllowed(f"this needs the scope {scope}, which {principal.name} does not have")
    return principal


def together(granted: Iterable[tuple[Scope, str | None]]) -> tuple[frozenset[Scope], tuple[str, ...] | None]:
    """What several grants come to: the scopes, and the teams that reading is limited to, if no grant lets everything be read."""
    grants = list(granted)
    scopes = frozenset(scope for scope, _ in grants)
    limited = [team for scope, team in grants if team is not None]
    if not limited or any(team is None and "read" in _IMPLIED[scope] for scope, team in grants):
        return scopes, None
    return scopes, tuple(dict.fromkeys(limited))
