"""Signing in and out: with a token or with an OpenID Connect provider; the browser keeps a session cookie.

Scripts cannot read the cookie, requests that other sites start do not carry it, and a cookie set over https
is sent over https only. A session has the scopes of its token, or of the user's groups according to the
provider.
"""

from html import escape
from typing import Any, Final
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard.server.oidc import IdentityProvider, SignInRefused
from dashboard.server.outage_page import answer_outage
from ingest.access.credentials import COOKIE, Credentials
from ingest.access.guard import SIGN_IN, SIGN_OUT
from ingest.access.tries import Tries
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.logs import logger
from ingest.settings import Settings

_log = logger("tallybook.signing")
_MAX_FORM_BYTES: Final = 16_384
_HOME: Final = "/dashboard/"
_WHILE_AWAY: Final[dict[Any, Any]] = {LedgerBusy: answer_outage}


class SignIn:
    """The application below `/sign-in` and `/sign-out`."""

    def __init__(self, ledger: Ledger, settings: Settings, tries: Tries, credentials: Credentials) -> None:
        """`tries` and `credentials` are shared with the guard, so that signing out takes effect at once."""
        self._settings = settings
        self._credentials = credentials
        self._provider = IdentityProvider(ledger, settings) if settings.oidc_issuer else None
        self._tries = tries

    def app(self, secret: str) -> Starlette:
        """The ASGI application. `secret` signs the cookie that lasts while the user is at the provider."""
        routes = [
            Route(SIGN_IN, self.page),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route(SIGN_OUT, self.sign_out, methods=["POST"]),
        ]
        if self._provider is None:
            return Starlette(routes=routes, exception_handlers=_WHILE_AWAY)
        routes += [
            Route(f"{SIGN_IN}/oidc", self.redirect_to_provider),
            Route(f"{SIGN_IN}/oidc/back", self.return_from_provider),
        ]
        sessions = Middleware(
            SessionMiddleware,
            secret_key=secret,
            session_cookie="tallybook_on_the_way",
            max_age=600,
            path=SIGN_IN,
            same_site="lax",
            https_only=self._is_public_https,
        )
        return Starlette(routes=routes, middleware=[sessions], exception_handlers=_WHILE_AWAY)

    async def page(self, request: Request) -> Response:
        """Show the sign-in page."""
        return self._page(_safe_next(request.query_params.get("next")))

    async def sign_in(self, request: Request) -> Response:
        """Sign in with the token of the form."""
        form = parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
        token, path = (form.get(name, [""])[0].strip() for name in ("token", "next"))
        session = await run_in_threadpool(self._credentials.sign_in, token) if token else None
        if session is not None:
            return self._start_session(request, session, _safe_next(path))
        reason = await self._credentials.why_no_session(token)
        if reason is None and (refusal := self._tries.count(request.scope)):
            return self._page(_safe_next(path), refusal.detail, refusal.status, refusal.headers)
        return self._page(_safe_next(path), reason or "This token opens nothing here. Is it whole?", 401)

    async def sign_out(self, request: Request) -> Response:
        """End the session and delete its cookie."""
        if session := request.cookies.get(COOKIE):
            await run_in_threadpool(self._credentials.sign_out, session)
        response = RedirectResponse(SIGN_IN, 303)
        response.delete_cookie(
            COOKIE, path="/", httponly=True, samesite="lax", secure=self._is_https(request)
        )
        return response

    async def redirect_to_provider(self, request: Request) -> Response:
        """Redirect the user to the provider."""
        assert self._provider is not None, "routed only with a provider"
        request.session["next"] = _safe_next(request.query_params.get("next"))
        try:
            return await self._provider.redirect(request, self._return_url(request))
        except SignInRefused as error:
            return self._page(_HOME, str(error), 502)

    async def return_from_provider(self, request: Request) -> Response:
        """Sign in the user whom the provider has redirected back."""
        assert self._provider is not None, "routed only with a provider"
        path = _safe_next(request.session.get("next"))
        try:
            principal = await self._provider.finish_redirect(request)
        except SignInRefused as error:
            _log.warning("sign-in refused", reason=str(error))
            return self._page(path, str(error), 403)
        request.session.clear()
        session = await run_in_threadpool(self._credentials.begin_oidc_session, principal)
        return self._start_session(request, session, path)

    def _start_session(self, request: Request, session: str, path: str) -> Response:
        response = RedirectResponse(path, 303)
        response.set_cookie(
            COOKIE,
            session,
            max_age=self._settings.session_hours * 3_600,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._is_https(request),
        )
        return response

    def _return_url(self, request: Request) -> str:
        base = self._settings.public_url or str(request.base_url)
        return f"{base.rstrip('/')}{SIGN_IN}/oidc/back"

    @property
    def _is_public_https(self) -> bool:
        return (self._settings.public_url or "").startswith("https:")

    def _is_https(self, request: Request) -> bool:
        return request.url.scheme == "https" or self._is_public_https

    def _page(self, path: str, refusal: str = "", status: int = 200, headers: Any = None) -> Response:
        other = ""
        if self._provider is not None:
            link = escape(f"{SIGN_IN}/oidc?next={quote(path, safe='')}")
            label = f"Sign in with {escape(self._settings.oidc_name)}"
            other = f'<p><a class="button" href="{link}">{label}</a></p>'
        refused = f'<p class="refused" role="alert">{escape(refusal)}</p>' if refusal else ""
        return HTMLResponse(_PAGE.format(other=other, refused=refused, next=escape(path)), status, headers)


def _safe_next(path: str | None) -> str:
    """The path to open after signing in: `path` if it is a page of the dashboard, else the overview."""
    is_ours = path is not None and path.startswith(_HOME) and path.isprintable() and "\\" not in path
    return path if path is not None and is_ours else _HOME


async def _body(request: Request) -> bytes:
    """The body of the form; empty if it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return b""
    return body


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Tallybook</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dashboard/assets/sign-in.css">
</head>
<body>
<main>
<h1><span>Tally</span>book</h1>
{refused}
{other}
<form method="post" action="/sign-in">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input name="next" type="hidden" value="{next}">
<button type="submit">Sign in</button>
</form>
<p class="note">Whoever keeps this ledger makes tokens:
<code>tallybook token create NAME --scope read</code></p>
</main>
</body>
</html>
"""
