"""The Dash app: a shell with the filter bar, and below it the page of the URL.

A page is a function of the URL. Controls write the URL, and the URL fills the controls and the page; there
is no other state. Every callback is a coroutine and runs its work in a thread, because a callback that
blocks would block the API too.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dash_mantine_components as dmc
from dash import MATCH, Dash, Input, Output, State, ctx, dcc, html, no_update

import dashboard
from dashboard.pages import NOT_OPEN, PAGES, PARTS, Page, callbacks, page_at
from dashboard.pages.chargeback import callbacks as chargeback_callbacks
from dashboard.pages.prices import callbacks as price_callbacks
from dashboard.pages.teams import callbacks as team_callbacks
from dashboard.query.question import QuestionError
from dashboard.query.rewrite import rewrite
from dashboard.ui import filter_bar
from dashboard.ui.charts import FONT
from dashboard.ui.clicks import in_thread
from dashboard.ui.components import PART, Content, aria, error_alert, part_name
from dashboard.ui.filter_bar import CONTROLS, control_id
from dashboard.ui.view import DIMENSIONS, View, date_range, from_search, question, to_search
from ingest.access.guard import SIGN_OUT
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.logs import logger
from ingest.model.principal import current_principal

PREFIX: Final = "/dashboard/"
_ASSETS: Final = Path(dashboard.__file__).with_name("assets")
_log = logger("tallybook.dashboard")
THEME: Final = {
    "primaryColor": "blue",
    "primaryShade": 8,  # the lightest shade on which white text is readable
    "defaultRadius": "md",
    "fontFamily": FONT,
}


_INDEX: Final = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        {%css%}
        <link rel="preload" as="script" id="charts-library" href="CHARTS_LIBRARY">
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>
"""
"""Dash's index page with a language, and with a preload of the plotly bundle that the charts use."""


def make_dashboard(ledger: Ledger) -> Dash:
    """The dashboard of one ledger. Make only one in a process: Dash keeps some state outside the app."""
    app = Dash(
        dashboard.__name__,  # Dash finds the assets in its folder
        backend="fastapi",
        use_async=True,
        title="Tallybook",
        update_title="",
        routes_pathname_prefix=PREFIX,
        requests_pathname_prefix=PREFIX,
        suppress_callback_exceptions=True,
        external_stylesheets=[_asset("tallybook.css")],
        external_scripts=[_asset("session.js"), _asset("early.js"), _asset("png.js")],
        assets_ignore=r".*",
        index_string=_INDEX.replace("CHARTS_LIBRARY", _asset("plotly-basic.min.js")),
    )
    app.backend.websocket_capability = False  # no callback uses it, and each tab would hold a connection
    app.layout = _layout
    _add_filters(app, ledger)
    _add_pages(app, ledger)
    _add_parts(app, ledger)
    _add_title(app)
    callbacks.add_callbacks(app, ledger)
    price_callbacks.add_callbacks(app, ledger)
    chargeback_callbacks.add_callbacks(app, ledger)
    team_callbacks.add_callbacks(app, ledger)
    return app


def _asset(name: str) -> str:
    """The address of a style sheet or script, with a hash of its contents.

    Dash finds assets by itself, but only after its own first request. Until then, a page other than the
    overview would have no style.
    """
    text = (_ASSETS / name).read_bytes()
    return f"{PREFIX}assets/{name}?v={hashlib.blake2b(text, digest_size=6).hexdigest()}"


def _layout() -> Any:
    content = dcc.Loading(
        html.Div(id="page", className="page", tabIndex=-1),
        delay_show=300,
        overlay_style={"visibility": "visible", "opacity": 0.5},
        type="dot",
        color="var(--mantine-primary-color-filled)",
    )
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            # a second location, so that no page waits for the controls at first
            dcc.Location(id="chosen", refresh="callback-nav"),
            dcc.Store(id="shown"),
            dcc.Store(id="renamed"),
            dcc.Store(id="titled"),
            html.Div(id="detail"),
            html.A("To the figures", href="#page", className="skip"),
            html.Header(dmc.Container(_heading(), size="xl"), className="heading"),
            html.Main(dmc.Container(dmc.Stack([filter_bar.bar(), content], gap="md"), size="xl", py="md")),
        ],
        theme=THEME,
        defaultColorScheme="auto",
    )


def _heading() -> Any:
    toggle = dmc.ColorSchemeToggle(
        lightIcon="☀",
        darkIcon="☾",
        variant="default",
        size="lg",
        id="colour-scheme",
        **aria("Light or dark"),
    )
    brand = html.Div([html.Span("Tally", className="brand-first"), "book"], className="brand")
    nav = html.Nav(id="pages", **aria("Pages"))
    return html.Div([brand, nav, *_signed_in(), toggle], className="heading-row")


def _signed_in() -> list[Any]:
    """The name of the signed-in user, and the button that signs out."""
    principal = current_principal()
    if not principal.is_signed_in:
        return []
    leave = html.Button("Sign out", type="submit", id="sign-out")
    form = html.Form(leave, action=SIGN_OUT, method="POST")
    who = html.Span(principal.name, className="who", id="who", title=principal.name)
    return [html.Div([who, form], className="signed-in")]


def _add_filters(app: Dash, ledger: Ledger) -> None:
    values = [Output(control_id(name), "value") for name in CONTROLS]

    @app.callback(
        Output("url", "search", allow_duplicate=True),  # otherwise each page would wait for the controls
        *values,
        Input("url", "search"),
        *(Input(control_id(name), "value") for name in CONTROLS),
        prevent_initial_call="initial_duplicate",
    )
    async def sync_controls(search: str | None, *values: Any) -> Any:
        """Fill the controls from the URL, and the URL from a changed control."""
        before = from_search(search)
        changed = ctx.triggered_id
        if changed in (None, "url"):
            return (no_update, *_control_values(before, ledger))
        view = filter_bar.view_of(values, changed, before)
        if view is None:
            return (no_update,) * (1 + len(CONTROLS))
        # The other controls keep their values: the user may be changing them before this response arrives.
        preset, days, *_ = _control_values(view, ledger)
        return (
            no_update if view == before.page else to_search(view),
            *(preset, days),
            *(no_update,) * (len(CONTROLS) - 2),
        )

    @app.callback(
        *(Output(control_id(key), "data") for key in DIMENSIONS),
        Input("url", "pathname"),
        Input("renamed", "data"),
        State("url", "search"),
    )
    async def fill_options(_: str, __: Any, search: str | None) -> Any:
        """Offer the values of the ledger as options of the filters."""
        return tuple(await in_thread(filter_bar.options, ledger, from_search(search)))


def _control_values(view: Any, ledger: Ledger) -> list[Any]:
    """The values of the controls; a preset also fills the dates."""
    preset, _, *rest = filter_bar.values_of(view)
    return [preset, [day.isoformat() for day in date_range(view, ledger.zone, datetime.now(UTC))], *rest]


def _add_pages(app: Dash, ledger: Ledger) -> None:
    @app.callback(Output("pages", "children"), Input("url", "pathname"), Input("url", "search"))
    async def fill_links(pathname: str, search: str | None) -> Any:
        """Link the other pages with the same view, without waiting for the page: no filter is lost."""
        return _links(_page(pathname), from_search(search).page)

    @app.callback(
        Output("page", "children"),
        Output("shown", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("renamed", "data"),
        State("shown", "data"),
    )
    async def show_page(pathname: str, search: str | None, _: Any, shown: Any) -> Any:
        """Show the page of the URL. Opening a call over the page does not renew the page."""
        view = from_search(search).page
        address = [pathname, to_search(view)]
        if address == shown and ctx.triggered_id != "renamed":
            return no_update, no_update
        return await in_thread(_content, ledger, _page(pathname), view), address


def _add_title(app: Dash) -> None:
    titles = {f"{PREFIX}{page.path}": f"{page.title} - Tallybook" for page in PAGES}
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"(path) => {{ document.title = ({json.dumps(titles)})[path] ?? 'Tallybook'; return path; }}",
        Output("titled", "data"),
        Input("url", "pathname"),
    )


def _add_parts(app: Dash, ledger: Ledger) -> None:
    part_id = {"type": PART, "name": MATCH, "search": MATCH}

    @app.callback(Output(part_id, "children"), Input(part_id, "id"))
    async def fill_part(part: dict[str, str]) -> Any:
        """Fill a part of a page once the page is shown."""
        page, make = PARTS.get(part["name"], (None, None))
        if page is None or make is None:
            return no_update
        if not page.is_open:
            return error_alert(NOT_OPEN, "part")
        return await in_thread(_content_or_error, make, ledger, from_search(part["search"]))


def _page(pathname: str | None) -> Page | None:
    return page_at((pathname or PREFIX).removeprefix(PREFIX.rstrip("/")))


def _links(current: Page | None, view: View) -> list[Any]:
    return [
        dcc.Link(
            page.title,
            href=f"{PREFIX}{page.path}{to_search(view if page is current else replace(view, search='', adjustment=''))}",
            className="current" if page is current else "",
        )
        for page in PAGES
        if page.is_open
    ]


def _content(ledger: Ledger, page: Page | None, view: View) -> Any:
    if page is None:
        return error_alert("There is no page at this address.", "page")
    if not page.is_open:
        return error_alert(NOT_OPEN, "page")
    return _content_or_error(page.content, ledger, view, "page")


def _content_or_error(make: Content, ledger: Ledger, view: View, what: str = "part") -> Any:
    """The content of a page or of a part, or an error message in its place.

    Raises:
        LedgerBusy: the ledger is away; the page's script asks again.
    """
    try:
        rewrite(
            question(view, ledger.zone, ("requests",), ("time",))
        )  # fails before a part of the page is shown
        return make(ledger, view)
    except QuestionError as error:
        return error_alert(str(error), what)
    except LedgerBusy:
        raise
    except Exception as error:  # noqa: BLE001 - any error: the reader gets a message, the log the details
        _log.exception("page failed", part=part_name(make), error=type(error).__qualname__)
        return error_alert("The ledger cannot be read now. Reload the page to try again.", what)
