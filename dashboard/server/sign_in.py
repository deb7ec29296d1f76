"""Signing in and out: a browser shows a token once, or comes back from a provider of identities, and keeps a session's cookie.

The cookie cannot be read by scripts, is not sent with requests that other sites start, and over https never without it. What the
session may do is what its token may do, or what the provider says of the groups somebody is in.
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

from dashboard.server.oidc import Identities, NotKnown
from ingest.access.credentials import COOKIE, Credentials
from ingest.access.guard import SIGN_IN, SIGN_OUT, Tries
from ingest.ledger.engine import Ledger
from ingest.logs import logger
from ingest.settings import Settings

_log = logger("tallybook.signing")
_LONGEST_FORM: Final = 16_384
_HOME: Final = "/dashboard/"


class Signing:
    """What answers below `/sign-in` and `/sign-out`."""

    def __init__(self, ledger: Ledger, settings: Settings, tries: Tries, credentials: Credentials) -> None:
        """`tries` and `credentials` are the guard's, so that whoever signs out is out at once."""
        self._settings = settings
        self._credentials = credentials
        self._identities = Identities(ledger, settings) if settings.oidc_issuer else None
        self._tries = tries

    def app(self, secret: str) -> Starlette:
        """The application. `secret` signs the cookie that lasts while somebody is at the provider of identities."""
        routes = [
            Route(SIGN_IN, self.page),
            Route(SIGN_IN, self.show_token, methods=["POST"]),
            Route(SIGN_OUT, self.leave, methods=["POST"]),
        ]
        if self._identities is None:
            return Starlette(routes=routes)
        routes += [Route(f"{SIGN_IN}/oidc", self.go), Route(f"{SIGN_IN}/oidc/back", self.come_back)]
        on_the_way = Middleware(
            SessionMiddleware,
            secret_key=secret,
            session_cookie="tallybook_on_the_way",
            max_age=600,
            path=SIGN_IN,
            same_site="lax",
            https_only=self._is_https_outside,
        )
        return Starlette(routes=routes, middleware=[on_the_way])

    async def page(self, request: Request) -> Response:
        """The page where somebody signs in."""
        return self._page(_next(request.query_params.get("next")))

    async def show_token(self, request: Request) -> Response:
        """Somebody shows a token."""
        form = parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)
        token, place = (form.get(name, [""])[0].strip() for name in ("token", "next"))
        if self._credentials.is_guessable(token) and self._tries.are_too_many(request.scope):
            refusal = self._tries.refusal
            return self._page(_next(place), refusal.detail, refusal.status, refusal.headers)
        kept = await run_in_threadpool(self._credentials.sign_in, token) if token else None
        if kept is None:
            self._tries.count_failure(request.scope)
            return self._page(
                _next(place), "This token opens nothing here. Is it whole, and may it read?", 401
            )
        return self._welcome(request, kept, _next(place))

    async def leave(self, request: Request) -> Response:
        """Somebody signs out."""
        if kept := request.cookies.get(COOKIE):
            await run_in_threadpool(self._credentials.sign_out, kept)
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=self._is_https(request))
        return answer

    async def go(self, request: Request) -> Response:
        """To the provider of identities."""
        assert self._identities is not None, "routed only then"
        request.session["next"] = _next(request.query_params.get("next"))
        try:
            return await self._identities.ask(request, self._back(request))
        except NotKnown as error:
            return self._page(_HOME, str(error), 502)

    async def come_back(self, request: Request) -> Response:
        """From the provider of identities."""
        assert self._identities is not None, "routed only then"
        place = _next(request.session.get("next"))
        try:
            principal = await self._identities.answer(request)
        except NotKnown as error:
            _log.warning("sign-in refused", reason=str(error))
            return self._page(place, str(error), 403)
        request.session.clear()
        kept = await run_in_threadpool(self._credentials.begin_oidc_session, principal)
        return self._welcome(request, kept, place)

    def _welcome(self, request: Request, kept: str, place: str) -> Response:
        answer = RedirectResponse(place, 303)
        answer.set_cookie(
            COOKIE,
            kept,
            max_age=self._settings.session_hours * 3_600,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._is_https(request),
        )
        return answer

    def _back(self, request: Request) -> str:
        base = self._settings.public_url or str(request.base_url)
        return f"{base.rstrip('/')}{SIGN_IN}/oidc/back"

    @property
    def _is_https_outside(self) -> bool:
        return (self._settings.public_url or "").startswith("https:")

    def _is_https(self, request: Request) -> bool:
        return request.url.scheme == "https" or self._is_https_outside

    def _page(self, place: str, said: str = "", status: int = 200, headers: Any = None) -> Response:
        other = ""
        if self._identities is not None:
            link = f"{SIGN_IN}/oidc?next={quote(place, safe='')}"
            other = f'<p><a class="button" href="{escape(link)}">Sign in with {escape(self._settings.oidc_name)}</a></p>'
        refused = f'<p class="refused" role="alert">{escape(said)}</p>' if said else ""
        return HTMLResponse(_PAGE.format(other=other, refused=refused, next=escape(place)), status, headers)


def _next(place: str | None) -> str:
    """Where to go after signing in: a page of ours, whatever a link says."""
    is_ours = place is not None and place.startswith(_HOME) and place.isprintable() and "\\" not in place
    return place if place is not None and is_ours else _HOME


async def _body(request: Request) -> bytes:
    """The form, as far as one can be long."""
    held = b""
    async for some in request.stream():
        held += some
        if len(held) > _LONGEST_FORM:
            return b""
    return held


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
<p class="note">Whoever keeps this ledger makes tokens: <code>tallybook token create NAME --scope read</code></p>
</main>
</body>
</html>
"""
