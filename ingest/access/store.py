"""Tokens and sessions in the ledger: made, found by their keyed hash, and ended. None of them is kept in the clear."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.access import access_token, session
from ingest.model.principal import Principal, Scope

TOKEN_PREFIX: Final = "tb_"  # noqa: S105 - how tokens begin, so that they are known when they leak
_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token as it is kept, without the token."""

    name: str
    scopes: tuple[Scope, ...]
    teams: tuple[str, ...] | None
    """Ids of the only teams that it reads; None for all."""
    created_at: int
    created_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    revoked_by: str | None = None
    number: int = 0

    def stands(self, now: int) -> bool:
        """Whether it opens anything at an instant."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def principal(self) -> Principal:
        """Who shows it."""
        return Principal(name=f"token {self.name}", scopes=frozenset(self.scopes), teams=self.teams)


def new_text() -> str:
    """A new token, which nobody can guess."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def add_token(connection: sa.Connection, one: Token, text: str, keyring: KeyRing) -> None:
    """Keep a token by its hash."""
    row = {
        "name": one.name,
        "hash": keyring.proof(text),
        "scopes": json.dumps(one.scopes),
        "teams": None if one.teams is None else json.dumps(one.teams),
        "created_at": one.created_at,
        "created_by": one.created_by,
        "expires_at": one.expires_at,
    }
    connection.execute(access_token.insert(), row)


def tokens(connection: sa.Connection) -> list[Token]:
    """Every token, the oldest first."""
    return _tokens(connection, sa.true())


def token_of(connection: sa.Connection, text: str, keyring: KeyRing, now: int) -> Token | None:
    """The token that somebody shows, if it stands."""
    found = _tokens(connection, access_token.c.hash == keyring.proof(text))
    return found[0] if found and found[0].stands(now) else None


def revoke(connection: sa.Connection, name: str, now: int, by: str) -> list[Token]:
    """End the tokens of a name that stand, and with them their sessions; what was ended."""
    ended = [one for one in _tokens(connection, access_token.c.name == name) if one.stands(now)]
    where = access_token.c.number.in_([one.number for one in ended])
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
    """Begin a session; what the browser keeps. It ends with its token, or when its `proof` is another."""
    text = secrets.token_urlsafe(32)
    row = {
        "hash": keyring.proof(text),
        "name": principal.name,
        "token_number": None if token is None else token.number,
        "proof": proof,
        "scopes": json.dumps(sorted(principal.scopes)),
        "teams": None if principal.teams is None else json.dumps(principal.teams),
        "created_at": now,
        "expires_at": now + hours * _HOUR,
    }
    connection.execute(session.delete().where(session.c.expires_at < sa.literal(now, sa.BigInteger)))
    connection.execute(session.insert(), row)
    return text


def session_of(
    connection: sa.Connection, text: str, keyring: KeyRing, now: int, proofs: frozenset[str]
) -> Principal | None:
    """Whose a session is, if it stands. One that was begun with a proof needs it to be among `proofs`."""
    c = session.c
    lasts = c.expires_at > sa.literal(now, sa.BigInteger)
    wanted = sa.select(c.name, c.scopes, c.teams, c.token_number, c.proof)
    row = connection.execute(
        wanted.where(c.hash == keyring.proof(text), c.ended_at.is_(None), lasts)
    ).one_or_none()
    if row is None or (row.proof is not None and row.proof not in proofs):
        return None
    scopes, teams = json.loads(row.scopes), _teams(row.teams)
    if row.token_number is not None:
        held = _tokens(connection, access_token.c.number == row.token_number)
        if not held or not held[0].stands(now):
            return None
        scopes, teams = held[0].scopes, held[0].teams
    return Principal(name=row.name, scopes=frozenset(scopes), teams=teams, is_signed_in=True)


def end_session(connection: sa.Connection, text: str, keyring: KeyRing, now: int) -> None:
    """End the session that a browser keeps."""
    connection.execute(session.update().where(session.c.hash == keyring.proof(text)).values(ended_at=now))


def _tokens(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Token]:
    c = access_token.c
    created, expires, revoked = (
        sa.type_coerce(one, sa.BigInteger).label(one.name)
        for one in (c.created_at, c.expires_at, c.revoked_at)
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
