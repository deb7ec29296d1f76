"""Tokens and sessions in the ledger: made, found by their keyed hash, and ended.

None is stored in plain text.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.access import access_token, session
from ingest.model.principal import Principal, Scope
from ingest.model.zone import HOUR

TOKEN_PREFIX: Final = "tb_"  # noqa: S105 - a prefix by which scanners recognise a leaked token


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token as the ledger stores it, without its secret text."""

    name: str
    scopes: tuple[Scope, ...]
    teams: tuple[str, ...] | None
    """Ids of the only teams that it may read; None for all."""
    created_at: int
    created_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    revoked_by: str | None = None
    number: int = 0

    def is_active(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at an instant."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def principal(self) -> Principal:
        """The principal of requests with this token."""
        return Principal(name=f"token {self.name}", scopes=frozenset(self.scopes), teams=self.teams)


def new_text() -> str:
    """The text of a new token, with 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def add_token(connection: sa.Connection, token: Token, text: str, keyring: KeyRing) -> None:
    """Store a token by its hash."""
    row = {
        "name": token.name,
        "hash": keyring.proof(text),
        "scopes": json.dumps(token.scopes),
        "teams": None if token.teams is None else json.dumps(token.teams),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
    }
    connection.execute(access_token.insert(), row)


def tokens(connection: sa.Connection) -> list[Token]:
    """Every token, the oldest first."""
    return _tokens(connection, sa.true())


def token_of(connection: sa.Connection, text: str, keyring: KeyRing) -> Token | None:
    """The token with this text, also one that has ended; None if there is none."""
    matching = _tokens(connection, access_token.c.hash == keyring.proof(text))
    return matching[0] if matching else None


def revoke(connection: sa.Connection, name: str, now: int, by: str) -> list[Token]:
    """Revoke the active tokens of a name, which ends their sessions; the tokens that were revoked."""
    ended = [token for token in _tokens(connection, access_token.c.name == name) if token.is_active(now)]
    where = access_token.c.number.in_([token.number for token in ended])
    connection.execute(access_token.update().where(where).values(revoked_at=now, revoked_by=by))
    return ended


def begin_session(
    connection: sa.Connection,
    principal: Principal,
    keyring: KeyRing,
    *,
    now: int,
    hours: int,
    token: Token | None = None,
    proof: str | None = None,
) -> str:
    """Begin a session; the text for the browser's cookie.

    The session ends with its token, or when `proof` changes.
    """
    text = secrets.token_urlsafe(32)
    row = {
        "hash": keyring.proof(text),
        "name": principal.name,
        "token_number": None if token is None else token.number,
        "proof": proof,
        "scopes": json.dumps(sorted(principal.scopes)),
        "teams": None if principal.teams is None else json.dumps(principal.teams),
        "created_at": now,
        "expires_at": now + hours * HOUR,
    }
    connection.execute(session.delete().where(session.c.expires_at < sa.literal(now, sa.BigInteger)))
    connection.execute(session.insert(), row)
    return text


def session_of(
    connection: sa.Connection, text: str, keyring: KeyRing, now: int, proofs: frozenset[str]
) -> Principal | None:
    """The principal of an active session.

    A session that has a proof is active only while it is among `proofs`.
    """
    c = session.c
    lasts = c.expires_at > sa.literal(now, sa.BigInteger)
    select = sa.select(c.name, c.scopes, c.teams, c.token_number, c.proof)
    row = connection.execute(
        select.where(c.hash == keyring.proof(text), c.ended_at.is_(None), lasts)
    ).one_or_none()
    if row is None or (row.proof is not None and row.proof not in proofs):
        return None
    scopes, teams = json.loads(row.scopes), _teams(row.teams)
    if row.token_number is not None:
        tokens_of_session = _tokens(connection, access_token.c.number == row.token_number)
        if not tokens_of_session or not tokens_of_session[0].is_active(now):
            return None
        scopes, teams = tokens_of_session[0].scopes, tokens_of_session[0].teams
    return Principal(name=row.name, scopes=frozenset(scopes), teams=teams, is_signed_in=True)


def end_session(connection: sa.Connection, text: str, keyring: KeyRing, now: int) -> None:
    """End the session of a browser's cookie."""
    connection.execute(session.update().where(session.c.hash == keyring.proof(text)).values(ended_at=now))


def _tokens(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Token]:
    c = access_token.c
    created, expires, revoked = (
        sa.type_coerce(column, sa.BigInteger).label(column.name)
        for column in (c.created_at, c.expires_at, c.revoked_at)
    )
    columns: Sequence[Any] = (
        c.number,
        c.name,
        c.scopes,
        c.teams,
        created,
        c.created_by,
        expires,
        revoked,
        c.revoked_by,
    )
    rows = connection.execute(sa.select(*columns).where(where).order_by(c.number)).mappings()
    return [
        Token(**{**row, "scopes": tuple(json.loads(row["scopes"])), "teams": _teams(row["teams"])})
        for row in rows
    ]


def _teams(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(text))
