"""`tallybook token`: who may use the server. A token is shown once, when it is made."""

import json
import sys
from typing import Any, Final, cast

from rich.console import Console
from rich.table import Table

from ingest import dates
from ingest.clock import now, rfc3339_seconds
from ingest.ledger import access, audit, directory
from ingest.ledger.access import Token
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.zone import micros
from ingest.principal import SCOPES, Scope
from ingest.settings import Settings
from ingest.terminal import current_user, explained

WELL: Final = 0
USAGE: Final = 2
_LONGEST: Final = 80


class TokenRefused(ValueError):
    """What was asked for is no token; the message says what to write."""


def create(name: str, scopes: list[str], teams: list[str], expires: str | None, *, as_json: bool) -> int:
    """Make a token and show it; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            one = _read(ledger, name, scopes, teams, expires)
            text = access.new_text()
            with ledger.writing() as connection:
                _require_free(connection, one)
                access.add_token(connection, one, text, ledger.keyring)
                _note(connection, one, "token create")
            shown = _as_json(ledger, one)
    except (TokenRefused, directory.NotKnown) as error:
        return _refuse(error)
    if as_json:
        _print({"token": text} | shown)
        return WELL
    Console(stderr=True).print(
        f"Token {one.name} (scope {', '.join(shown['scopes'])}{_of_teams(shown['teams'])}) is shown this once:",
        highlight=False,
        markup=False,
    )
    sys.stdout.write(f"{text}\n")
    return WELL


def listed(*, as_json: bool) -> int:
    """Print the tokens that were made; the exit code."""
    with open_ledger(Settings()) as ledger:
        with ledger.reading() as connection:
            found = access.tokens(connection)
        rows = [_as_json(ledger, one) for one in found]
    if as_json:
        _print({"tokens": rows})
        return WELL
    if not rows:
        Console().print("no tokens; `tallybook token create NAME --scope read` makes one", highlight=False)
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("Token", "State", "Scopes", "Teams", "Made", "By", "Until"):
        table.add_column(heading)
    for row in rows:
        teams = "all" if row["teams"] is None else ", ".join(row["teams"])
        until = (row["revoked_at"] or row["expires_at"] or "")[:10]
        table.add_row(
            row["name"],
            row["state"],
            ", ".join(row["scopes"]),
            teams,
            row["created_at"][:10],
            row["created_by"],
            until,
        )
    Console().print(table)
    return WELL


def revoke(name: str) -> int:
    """End a token and the sessions that were begun with it; the exit code."""
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        ended = access.revoke(connection, name, now(), current_user())
        for one in ended:
            _note(connection, one, "token revoke")
        known = sorted({one.name for one in access.tokens(connection) if one.stands(now())})
    if not ended:
        return _refuse(TokenRefused(f"there is no token {name!r}; there are {', '.join(known) or 'none'}"))
    Console().print(f"{name} opens nothing any more", highlight=False, markup=False)
    return WELL


def _read(ledger: Ledger, name: str, scopes: list[str], teams: list[str], expires: str | None) -> Token:
    """The token that was asked for.

    Raises:
        TokenRefused: it is none.
        NotKnown: the directory knows no such team.
    """
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise TokenRefused(f"NAME: a token has a name of 1 to {_LONGEST} characters that can be seen")
    if wrong := [one for one in scopes if one not in SCOPES]:
        raise TokenRefused(f"--scope: there is no {wrong[0]!r}; there are {', '.join(SCOPES)}")
    if not scopes:
        raise TokenRefused(f"--scope: say what the token may do: {', '.join(SCOPES)}")
    if teams and set(scopes) != {"read"}:
        raise TokenRefused(
            "--team: only reading is limited to teams; leave the other scopes to a token of their own"
        )
    with ledger.reading() as connection:
        entries = [directory.find(connection, "team", one, ledger.keyring) for one in teams]
        idents = tuple(dict.fromkeys(directory.ident(connection, one) for one in entries))
    at = now()
    return Token(
        name=name.strip(),
        scopes=cast("tuple[Scope, ...]", tuple(dict.fromkeys(scopes))),
        teams=idents or None,
        created_at=at,
        created_by=current_user(),
        expires_at=None if expires is None else _expiry(ledger, expires, at),
    )


def _require_free(connection: Any, one: Token) -> None:
    """Refuse a name that a token has which stands: whoever revokes a name means one."""
    if any(held.name == one.name and held.stands(one.created_at) for held in access.tokens(connection)):
        raise TokenRefused(
            f"NAME: there is a token {one.name!r} already; revoke it first, or take another name"
        )


def _expiry(ledger: Ledger, text: str, at: int) -> int:
    try:
        found = micros(dates.read_moment("expires", text, ledger.zone))
    except dates.NotATime as error:
        raise TokenRefused(explained(error)) from error
    if found <= at:
        raise TokenRefused(f"--expires: {text} is over already")
    return found


def _note(connection: Any, one: Token, action: str) -> None:
    detail = {"scopes": list(one.scopes), "teams": None if one.teams is None else list(one.teams)}
    audit.note(
        connection, audit.Entry(at=now(), by=current_user(), action=action, subject=one.name, detail=detail)
    )


def _as_json(ledger: Ledger, one: Token) -> dict[str, Any]:
    state = "revoked" if one.revoked_at is not None else "stands" if one.stands(now()) else "expired"
    return {
        "name": one.name,
        "state": state,
        "scopes": list(one.scopes),
        "teams": None if one.teams is None else _names(ledger, one.teams),
        "created_at": rfc3339_seconds(one.created_at),
        "created_by": one.created_by,
        "expires_at": rfc3339_seconds(one.expires_at),
        "revoked_at": rfc3339_seconds(one.revoked_at),
        "revoked_by": one.revoked_by,
    }


def _names(ledger: Ledger, teams: tuple[str, ...]) -> list[str]:
    with ledger.reading() as connection:
        return [
            directory.shown(connection, directory.find(connection, "team", one, ledger.keyring))
            for one in teams
        ]


def _of_teams(teams: list[str] | None) -> str:
    return "" if teams is None else f" of {', '.join(teams)} alone"


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _refuse(error: Exception) -> int:
    Console(stderr=True).print(f"tallybook token: {error}", highlight=False, markup=False, soft_wrap=True)
    return USAGE
