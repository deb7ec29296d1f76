"""`tallybook token`: who may use the server. A token is shown once, when it is made."""

import sys
from typing import Any

from ingest import terminal
from ingest.access import store as access
from ingest.access.service import AddTokenOptions, TokenRefused, add_token, revoke_token
from ingest.access.store import Token
from ingest.clock import now, rfc3339_seconds
from ingest.ledger import directory
from ingest.ledger.engine import Ledger, open_existing, open_ledger, open_to_read
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, print_json, say, table, warn


def create(name: str, scopes: list[str], teams: list[str], expires: str | None, *, as_json: bool) -> int:
    """Make a token and show it; the exit code."""
    options = AddTokenOptions(name=name, scopes=scopes, teams=teams, expires=expires)
    try:
        with open_ledger(Settings()) as ledger:
            new = add_token(ledger, options, by=current_user(), at=now())
            shown = _as_json(ledger, new.token)
    except Invalid as error:
        return terminal.refuse("token", error, arguments=("name",))
    if as_json:
        print_json({"token": new.text} | shown)
        return ExitCode.OK
    limits = "" if shown["teams"] is None else f" of {', '.join(shown['teams'])} alone"
    warn(f"Token {new.token.name} (scope {', '.join(shown['scopes'])}{limits}) is shown this once:")
    sys.stdout.write(f"{new.text}\n")
    return ExitCode.OK


def list_tokens(*, as_json: bool) -> int:
    """Print all tokens; the exit code."""
    with open_to_read(Settings()) as ledger:
        with ledger.reading() as connection:
            tokens = access.tokens(connection)
        rows = [_as_json(ledger, token) for token in tokens]
    if as_json:
        print_json({"tokens": rows})
        return ExitCode.OK
    shown = table("Token", "State", "Scopes", "Teams", "Made", "By", "Until")
    for row in rows:
        teams = "all" if row["teams"] is None else ", ".join(row["teams"])
        until = (row["revoked_at"] or row["expires_at"] or "")[:10]
        made = (row["created_at"][:10], row["created_by"])
        shown.add_row(row["name"], row["state"], ", ".join(row["scopes"]), teams, *made, until)
    terminal.show(shown, "no tokens; `tallybook token create NAME --scope read` makes one")
    return ExitCode.OK


def revoke(name: str) -> int:
    """Revoke a token and end its sessions; the exit code."""
    try:
        with open_existing(Settings()) as ledger:
            revoke_token(ledger, name, by=current_user(), at=now())
    except TokenRefused as error:
        return terminal.refuse("token", error, arguments=("name",))
    say(f"{name} opens nothing any more")
    return ExitCode.OK


def _as_json(ledger: Ledger, token: Token) -> dict[str, Any]:
    state = "revoked" if token.revoked_at is not None else "stands" if token.is_active(now()) else "expired"
    return {
        "name": token.name,
        "state": state,
        "scopes": list(token.scopes),
        "teams": None if token.teams is None else _names(ledger, token.teams),
        "created_at": rfc3339_seconds(token.created_at),
        "created_by": token.created_by,
        "expires_at": rfc3339_seconds(token.expires_at),
        "revoked_at": rfc3339_seconds(token.revoked_at),
        "revoked_by": token.revoked_by,
    }


def _names(ledger: Ledger, teams: tuple[str, ...]) -> list[str]:
    with ledger.reading() as connection:
        return [
            directory.shown(connection, directory.find(connection, "team", team, ledger.keyring))
            for team in teams
        ]
