"""What a browser shows while the ledger is out of reach: a page that tries again by itself."""

from html import escape
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.http.limits import RETRY_AFTER
from ingest.http.problems import Problem, problem, unavailable
from ingest.http.readiness import Readiness
from ingest.ledger.engine import LedgerBusy

_UNAVAILABLE: Final = 503
_PARTS_OF_PAGES: Final = ("/dashboard/_", "/dashboard/assets/")


def answer(refused: Problem, scope: Scope) -> Response:
    """The answer with a problem: a page where a browser opens one while the ledger is away."""
    opens_page = scope["method"] in ("GET", "POST") and "text/html" in Headers(scope=scope).get("accept", "")
    return _page(refused) if refused.status == _UNAVAILABLE and opens_page else problem(refused, scope)


async def answer_outage(request: Request, error: Exception) -> Response:
    """The answer to a request while the ledger is away; the script of an open page asks again."""
    assert isinstance(error, LedgerBusy), "registered for this class"
    return answer(unavailable(error.outage), request.scope)


class PagesNeedLedger:
    """ASGI middleware in front of the dashboard: no page is opened while the ledger cannot be read.

    Scripts, styles and the requests of a page that is open pass.
    """

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        outage = self._readiness.outage
        if outage is not None and outage.stops_reading and _is_page(scope):
            await _page(unavailable(outage))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_page(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and not str(scope["path"]).startswith(_PARTS_OF_PAGES)
    )


def _page(refused: Problem) -> Response:
    page = _PAGE.format(detail=escape(refused.detail), seconds=RETRY_AFTER)
    return HTMLResponse(page, refused.status, refused.headers)


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{seconds}">
<title>Out of reach - Tallybook</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dashboard/assets/sign-in.css">
</head>
<body>
<main>
<h1><span>Tally</span>book</h1>
<p class="refused" role="alert">The ledger is out of reach, trying again.</p>
<p class="note">{detail}.</p>
</main>
</body>
</html>
"""
