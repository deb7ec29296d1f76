"""Identities: who somebody is and which groups they are in, as a provider of OpenID Connect says, and what that lets them do.

Authlib speaks the protocol: discovery, the code flow with PKCE, state, nonce and the signature of the id token.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import httpx2
from starlette.requests import Request
from starlette.responses import Response

from ingest.ledger import directory
from ingest.ledger.engine import Ledger, LedgerError
from ingest.model.principal import SCOPES, Principal, Scope, combine_grants
from ingest.settings import Settings

EVERYBODY: Final = "*"
_LONGEST_NAME: Final = 120

Roles = Mapping[str, tuple[tuple[Scope, str | None], ...]]
"""What each group may do: scopes, each with the only team that is read, or None for all."""


class NotKnown(Exception):
    """Somebody cannot be signed in; the message says why."""


def read_roles(text: str) -> Roles:
    """What groups may do, as the setting says: `finance=finance, ml=read:Machine Learning, *=read`.

    Raises:
        LedgerError: it cannot be understood.
    """
    found: dict[str, tuple[tuple[Scope, str | None], ...]] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        group, equals, granted = one.rpartition("=")
        scope, colon, team = granted.partition(":")
        scope, team = scope.strip(), team.strip()
        if (
            not equals
            or not group.strip()
            or scope not in SCOPES
            or (colon and (scope != "read" or not team))
        ):
            raise LedgerError(
                f"TALLYBOOK_OIDC_ROLES: {one!r} is no role; write GROUP=SCOPE with a scope of {', '.join(SCOPES)}, or GROUP=read:TEAM"
            )
        found[group.strip()] = (*found.get(group.strip(), ()), (scope, team or None))
    return found


def granted(roles: Roles, groups: Iterable[str]) -> list[tuple[Scope, str | None]]:
    """What somebody may do who is in some groups."""
    return [one for group in (*groups, EVERYBODY) for one in roles.get(group, ())]


class Identities:
    """The provider of identities that the settings name."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        try:
            from authlib.integrations.starlette_client import OAuth
        except ImportError as error:
            raise LedgerError("TALLYBOOK_OIDC_ISSUER needs Authlib: install tallybook[oidc]") from error
        if settings.oidc_client_id is None:
            raise LedgerError("TALLYBOOK_OIDC_ISSUER needs TALLYBOOK_OIDC_CLIENT_ID")
        self._ledger = ledger
        self._claim = settings.oidc_claim
        self._roles = read_roles(settings.oidc_roles)
        if not self._roles:
            raise LedgerError(
                "TALLYBOOK_OIDC_ISSUER needs TALLYBOOK_OIDC_ROLES, which says who may do what: *=read"
            )
        secret = settings.oidc_client_secret
        issuer = str(settings.oidc_issuer).rstrip("/")
        self._client: Any = OAuth().register(
            name="provider",
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
        )

    async def ask(self, request: Request, back: str) -> Response:
        """Lead somebody to the provider, who sends them `back`.

        Raises:
            NotKnown: the provider cannot be reached.
        """
        try:
            return cast("Response", await self._client.authorize_redirect(request, back))
        except httpx2.HTTPError as error:
            raise _away(error) from error

    async def answer(self, request: Request) -> Principal:
        """Who somebody is that comes back.

        Raises:
            NotKnown: the provider does not say, or they are in no group that may come in.
        """
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        try:
            token = await self._client.authorize_access_token(request)
        except (AuthlibBaseError, JoseError) as error:
            code = getattr(error, "error", None) or type(error).__name__
            raise NotKnown(
                f"the provider of identities did not say who you are ({code}): try again"
            ) from error
        except httpx2.HTTPError as error:
            raise _away(error) from error
        return self.principal(token.get("userinfo") or {})

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Somebody with the rights of their groups.

        Raises:
            NotKnown: no group of theirs may come in, or names a team that there is not.
        """
        name = str(claims.get("email") or claims.get("preferred_username") or claims.get("sub") or "")
        if not name:
            raise NotKnown("the provider of identities did not say who you are: it gives no sub")
        grants = granted(self._roles, _groups(claims.get(self._claim)))
        if not grants:
            raise NotKnown(f"{name} is in no group that may come in here: ask whoever keeps this ledger")
        scopes, teams = combine_grants(grants)
        return Principal(name=name[:_LONGEST_NAME], scopes=scopes, teams=self._idents(teams))

    def _idents(self, teams: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The ids of teams that the setting calls by id or name."""
        if teams is None:
            return None
        with self._ledger.reading() as connection:
            try:
                entries = [directory.find(connection, "team", one, self._ledger.keyring) for one in teams]
            except directory.NotKnown as error:
                raise NotKnown(f"TALLYBOOK_OIDC_ROLES: {error}") from error
            return tuple(directory.ident(connection, entry) for entry in entries)


def _groups(claim: Any) -> list[str]:
    """Groups as providers write them: a list, or one text."""
    if isinstance(claim, str):
        return [claim]
    return [str(one) for one in claim] if isinstance(claim, list | tuple) else []


def _away(error: httpx2.HTTPError) -> NotKnown:
    if isinstance(error, httpx2.HTTPStatusError):
        return NotKnown(f"the provider of identities answered {error.response.status_code}: try again")
    return NotKnown(f"the provider of identities cannot be reached: {type(error).__name__}")
