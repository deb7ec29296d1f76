"""The site: the API and the dashboard behind one server.

The dashboard keeps its own ASGI app, because Dash answers every path that is not its own with its page. Paths are not
rewritten. Everything below /dashboard/ goes there, `/` leads there, all else and the lifespan is the API's.
"""

from typing import Final

from asgi_lifespan import LifespanManager
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import finance_api, focus_api, owners_api
from dashboard.api import make_router
from dashboard.app import PREFIX, make_dashboard
from dashboard.assets_cache import KeptAssets
from dashboard.reader import Reader
from ingest.access import guarded
from ingest.api import make_api
from ingest.ledger.engine import Ledger
from ingest.settings import Settings

_SMALLEST_PACKED: Final = 1_024


class Site:
    """Sends each request to the API or to the dashboard."""

    def __init__(self, api: ASGIApp, dashboard: ASGIApp) -> None:
        self._api = api
        self._dashboard = dashboard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, or the lifespan of both apps."""
        if scope["type"] == "lifespan":
            async with LifespanManager(self._dashboard):
                await self._api(scope, receive, send)
        elif scope["path"] == "/" and scope["type"] == "http":
            await RedirectResponse(PREFIX)(scope, receive, send)
        elif (scope["path"] + "/").startswith(PREFIX):
            await self._dashboard(scope, receive, send)
        else:
            await self._api(scope, receive, send)


def make_site(ledger: Ledger, settings: Settings) -> ASGIApp:
    """The application that `tallybook serve` serves."""
    api = make_api(ledger, settings)
    api.include_router(make_router(ledger))
    api.include_router(finance_api.make_router(ledger))
    api.include_router(focus_api.make_router(ledger))
    api.include_router(owners_api.make_router(ledger))
    site = Site(api, Reader(KeptAssets(make_dashboard(ledger).server)))
    return guarded(GZipMiddleware(site, _SMALLEST_PACKED, compresslevel=5), settings)
