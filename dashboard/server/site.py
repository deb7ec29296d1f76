"""The site: the API and the dashboard behind one server.

The dashboard keeps its own ASGI app, because Dash answers every unknown path with its page. Paths are not
rewritten. Requests below /dashboard/ go to the dashboard, and `/` redirects to it. All other requests and the
lifespan go to the API.
"""

from typing import Final

from asgi_lifespan import LifespanManager
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.alerts import api as alerts_api
from dashboard.budget_usage import api as budgets_api
from dashboard.calls import api as calls_api
from dashboard.chargeback import api as chargeback_api
from dashboard.directory import api as owners_api
from dashboard.fees import api as fees_api
from dashboard.focus import api as focus_api
from dashboard.me import api as me_api
from dashboard.pages.app import PREFIX, make_dashboard
from dashboard.prices import api as prices_api
from dashboard.reconciliation import api as reconciliation_api
from dashboard.server.assets import AssetCache
from dashboard.server.dash_requests import DashRequests
from dashboard.server.locale import LocaleMiddleware
from dashboard.server.outage_page import PagesNeedLedger, answer
from dashboard.server.security_headers import SecurityHeaders
from dashboard.server.sign_in import SignIn
from dashboard.spend import api as spend_api
from dashboard.whatif import api as whatif_api
from ingest.access.credentials import Credentials
from ingest.access.guard import SIGN_IN, SIGN_OUT, guarded
from ingest.access.permissions import Rights
from ingest.access.tries import Tries
from ingest.http import app as write_api
from ingest.http.other_bodies import OtherBodies
from ingest.http.problems import AnswerUnexpectedErrors
from ingest.http.request_log import RequestLog
from ingest.ledger.engine import Ledger
from ingest.model.principal import Right
from ingest.settings import Settings

_MIN_COMPRESSED: Final = 1_024
"""Bytes from which a response is compressed."""

_NAMES: Final = {
    "/dashboard/_dash-component-suites/": "/dashboard/_dash-component-suites/{file}",
    "/dashboard/_dash-": "/dashboard/_dash-{call}",
    "/dashboard/assets/": "/dashboard/assets/{file}",
    "/dashboard/": "/dashboard/{page}",
    SIGN_IN: SIGN_IN,
    SIGN_OUT: SIGN_OUT,
}
"""What the log calls addresses that are not routed by the API, by their beginning."""

_ROUTERS: Final = (
    spend_api.make_router,
    calls_api.make_router,
    prices_api.make_router,
    whatif_api.make_router,
    prices_api.make_costs_router,
    me_api.make_router,
    budgets_api.make_router,
    alerts_api.make_router,
    fees_api.make_router,
    reconciliation_api.make_router,
    chargeback_api.make_router,
    focus_api.make_router,
    owners_api.make_router,
)
"""In the order of the OpenAPI document."""
_APIS: Final = (
    write_api,
    spend_api,
    calls_api,
    prices_api,
    whatif_api,
    me_api,
    budgets_api,
    alerts_api,
    fees_api,
    reconciliation_api,
    chargeback_api,
    focus_api,
    owners_api,
)
RIGHTS: Final = Rights(
    [right for api in _APIS for right in api.RIGHTS] + [Right("/", None), Right("/dashboard", "read")]
)
"""The scope that each address needs. Pages state further conditions themselves, in `dashboard.pages`."""


class Site:
    """Sends each request to the API, to the dashboard or to the sign-in."""

    def __init__(self, api: ASGIApp, dashboard: ASGIApp, sign_in: ASGIApp) -> None:
        self._api = api
        self._dashboard = dashboard
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, or the lifespan of both apps."""
        if scope["type"] == "lifespan":
            async with LifespanManager(self._dashboard):
                await self._api(scope, receive, send)
            return
        path = scope["path"] + "/"
        if path == "//" and scope["type"] == "http":
            await RedirectResponse(PREFIX)(scope, receive, send)
        elif path.startswith(PREFIX):
            await self._dashboard(scope, receive, send)
        elif path.startswith((f"{SIGN_IN}/", f"{SIGN_OUT}/")):
            await self._sign_in(scope, receive, send)
        else:
            await self._api(scope, receive, send)


def make_site(ledger: Ledger, settings: Settings) -> ASGIApp:
    """The application that `tallybook serve` serves."""
    api = write_api.make_api(ledger, settings)
    for make_router in _ROUTERS:
        api.include_router(make_router(ledger))
    dashboard = make_dashboard(ledger)
    tries, credentials = Tries(), Credentials(ledger, settings)
    sign_in = SignIn(ledger, settings, tries, credentials).app(ledger.keyring.proof("on the way"))
    dash_pages = DashRequests(dashboard.server, PREFIX, dashboard.callback_map)
    pages = PagesNeedLedger(AssetCache(dash_pages), api.state.readiness)
    site = Site(api, LocaleMiddleware(pages), sign_in)
    compressed = GZipMiddleware(OtherBodies(site), _MIN_COMPRESSED, compresslevel=5)
    is_https = (settings.public_url or "").startswith("https:")
    whole = guarded(compressed, ledger, settings, RIGHTS, tries, credentials)
    secured = SecurityHeaders(
        AnswerUnexpectedErrors(whole, answer), dashboard.csp_hashes(), is_https=is_https
    )
    return RequestLog(secured, _name_of)


def _name_of(path: str) -> str | None:
    """What the log calls a path that no route has told of: its declared beginning."""
    for prefix, name in _NAMES.items():
        if path.startswith(prefix):
            return name
    return RIGHTS.right_of(path).path or None
