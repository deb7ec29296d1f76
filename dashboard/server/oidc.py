"""Sign-in with OpenID Connect: the user's groups according to the provider, and their scopes.

Authlib implements the protocol: discovery, the code flow with PKCE, state, nonce and the signature of the
id token.
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

ANY_GROUP: Final = "*"
_MAX_NAME_LENGTH: Final = 120

Roles = Mapping[str, tuple[tuple[Scope, str | None], ...]]
"""The scopes of each group; each scope with the team to which it is limited, or None for all teams."""


class SignInRefused(Exception):
    """The user cannot be signed in; the message says why."""


def read_roles(text: str) -> Roles:
    """The roles in the text of the setting: `finance=finance, ml=read:Machine Learning, *=read`.

    Raises:
        LedgerError: the text is not a list of roles.
    """
    roles: dict[str, tuple[tuple[Scope, str | None], ...]] = {}
    for role in filter(None, (part.strip() for part in text.split(","))):
        group, equals, grant = role.rpartition("=")
        scope, colon, team = grant.partition(":")
        group, scope, team = group.strip(), scope.strip(), team.strip()
        is_limited_wrongly = colon and (scope != "read" or not team)
        if not equals or not group or scope not in SCOPES or is_limited_wrongly:
            raise LedgerError(
                f"TALLYBOOK_OIDC_ROLES: {role!r} is no role; "
                f"write GROUP=SCOPE with a scope of {', '.join(SCOPES)}, or GROUP=read:TEAM"
            )
        roles[group] = (*roles.get(group, ()), (scope, team or None))
    return roles


def grants_of(roles: Roles, groups: Iterable[str]) -> list[tuple[Scope, str | None]]:
    """The scopes of a user who is in these groups."""
    return [grant for group in (*groups, ANY_GROUP) for grant in roles.get(group, ())]


class IdentityProvider:
    """The OpenID Connect provider that the settings name."""

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

    async def redirect(self, request: Request, return_url: str) -> Response:
        """Redirect the user to the provider, which redirects back to `return_url`.

        Raises:
            SignInRefused: the provider cannot be reached.
        """
        try:
            return cast("Response", await self._client.authorize_redirect(request, return_url))
        except httpx2.HTTPError as error:
            raise _unreachable(error) from error

    async def finish_redirect(self, request: Request) -> Principal:
        """The principal of the user whom the provider has redirected back.

        Raises:
            SignInRefused: the provider names no user, or no group of the user has a scope.
        """
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        try:
            token = await self._client.authorize_access_token(request)
        except (AuthlibBaseError, JoseError) as error:
            code = getattr(error, "error", None) or type(error).__name__
            raise SignInRefused(
                f"the provider of identities did not say who you are ({code}): try again"
            ) from error
        except httpx2.HTTPError as error:
            raise _unreachable(error) from error
        return self.principal(token.get("userinfo") or {})

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """The principal of a user, with the scopes of the user's groups.

        Raises:
            SignInRefused: no group of the user has a scope, or a role names a team that does not exist.
        """
        name = str(claims.get("email") or claims.get("preferred_username") or claims.get("sub") or "")
        if not name:
            raise SignInRefused("the provider of identities did not say who you are: it gives no sub")
        grants = grants_of(self._roles, _groups(claims.get(self._claim)))
        if not grants:
            raise SignInRefused(f"{name} is in no group that may come in here: ask whoever keeps this ledger")
        scopes, teams = combine_grants(grants)
        return Principal(name=name[:_MAX_NAME_LENGTH], scopes=scopes, teams=self._team_ids(teams))

    def _team_ids(self, teams: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The ids of teams that the setting names by id or by name."""
        if teams is None:
            return None
        with self._ledger.reading() as connection:
            try:
                entries = [directory.find(connection, "team", team, self._ledger.keyring) for team in teams]
            except directory.NotKnown as error:
                raise SignInRefused(f"TALLYBOOK_OIDC_ROLES: {error}") from error
            return tuple(directory.ident(connection, entry) for entry in entries)


def _groups(claim: Any) -> list[str]:
    """The groups in a claim, which providers write as a list or as one text."""
    if isinstance(claim, str):
        return [claim]
    return [str(group) for group in claim] if isinstance(claim, list | tuple) else []


def _unreachable(error: httpx2.HTTPError) -> SignInRefused:
    if isinstance(error, httpx2.HTTPStatusError):
        return SignInRefused(f"the provider of identities answered {error.response.status_code}: try again")
    return SignInRefused(f"the provider of identities cannot be reached: {type(error).__name__}")
