"""Make and revoke access tokens. Each change is checked, recorded and audited in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from ingest.access import store as access
from ingest.access.store import Token
from ingest.ledger import audit, directory
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.model.principal import SCOPES, Scope
from ingest.model.zone import Zone, micros
from ingest.parse import dates

_LONGEST: Final = 80


class TokenRefused(Invalid):
    """A token cannot be made or revoked; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTokenOptions:
    """A token to make, as the user writes it."""

    name: str
    scopes: Sequence[str]
    teams: Sequence[str] = ()
    """The only teams that it may read, by id or name; empty for all."""
    expires: str | None = None
    """A date or an RFC 3339 time; None for a token that does not expire."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token with its secret text, which is not stored and can be shown only now."""

    token: Token
    text: str


def add_token(ledger: Ledger, options: AddTokenOptions, *, by: str, at: int) -> NewToken:
    """Make a token.

    Raises:
        TokenRefused: the name, a scope or the expiry is not valid, or the name is taken.
        NotATime: the end is neither a date nor a time.
        NotKnown: the directory has no such team, or several.
    """
    name, scopes = _name(options.name), _scopes(options)
    expires_at = None if options.expires is None else _expiry(options.expires, ledger.zone, at)
    text = access.new_text()
    with ledger.writing() as connection:
        token = Token(
            name=name,
            scopes=scopes,
            teams=_teams(connection, ledger, options.teams),
            created_at=at,
            created_by=by,
            expires_at=expires_at,
        )
        _require_free(connection, token)
        access.add_token(connection, token, text, ledger.keyring)
        audit.note(connection, _entry(token, "token create", by, at))
    return NewToken(token, text)


def revoke_token(ledger: Ledger, name: str, *, by: str, at: int) -> list[Token]:
    """Revoke the active tokens of a name, which ends their sessions; the tokens that were revoked.

    Raises:
        TokenRefused: no active token has that name.
    """
    with ledger.writing() as connection:
        ended = access.revoke(connection, name, at, by)
        if not ended:
            active = sorted({token.name for token in access.tokens(connection) if token.is_active(at)})
            raise TokenRefused(
                "unknown_token", f"there is no token {name!r}; there are {', '.join(active) or 'none'}"
            )
        for token in ended:
            audit.note(connection, _entry(token, "token revoke", by, at))
    return ended


def _name(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        message = f"a token has a name of 1 to {_LONGEST} characters that can be seen"
        raise TokenRefused("bad_name", message, "name")
    return text.strip()


def _scopes(options: AddTokenOptions) -> tuple[Scope, ...]:
    if unknown := [scope for scope in options.scopes if scope not in SCOPES]:
        message = f"there is no {unknown[0]!r}; there are {', '.join(SCOPES)}"
        raise TokenRefused("unknown_scope", message, "scope")
    if not options.scopes:
        raise TokenRefused("no_scope", f"say what the token may do: {', '.join(SCOPES)}", "scope")
    if options.teams and set(options.scopes) != {"read"}:
        message = "only reading is limited to teams; leave the other scopes to a token of their own"
        raise TokenRefused("not_limited", message, "team")
    return cast("tuple[Scope, ...]", tuple(dict.fromkeys(options.scopes)))


def _teams(connection: Connection, ledger: Ledger, names: Sequence[str]) -> tuple[str, ...] | None:
    """The ids of the teams; None for all."""
    entries = [directory.find(connection, "team", name, ledger.keyring) for name in names]
    return tuple(dict.fromkeys(directory.ident(connection, entry) for entry in entries)) or None


def _expiry(text: str, zone: Zone, at: int) -> int:
    expires_at = micros(dates.read_moment("expires", text, zone))
    if expires_at <= at:
        raise TokenRefused("expired", f"{text} is over already", "expires")
    return expires_at


def _require_free(connection: Connection, token: Token) -> None:
    """Refuse the name of an active token: these names are unique, because `revoke` is by name."""
    others = access.tokens(connection)
    if any(other.name == token.name and other.is_active(token.created_at) for other in others):
        message = f"there is a token {token.name!r} already; revoke it first, or take another name"
        raise TokenRefused("name_taken", message, "name")


def _entry(token: Token, action: str, by: str, at: int) -> audit.Entry:
    detail = {"scopes": list(token.scopes), "teams": None if token.teams is None else list(token.teams)}
    return audit.Entry(at=at, by=by, action=action, subject=token.name, detail=detail)
