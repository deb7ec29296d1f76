"""The Dash app: one shell with the filter bar, and below it the page that the URL names.

A page is a function of the URL. Controls write the URL, the URL fills the controls and the page; nothing else holds
state. Every callback is a coroutine and sends its work to a thread, for a callback that blocks would hold up the API.
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
from dashboard.pages import NOT_OPEN, PAGES, PARTS, Page, page_at
from dashboard.pages import callbacks as interaction
from dashboard.pages.chargeback import callbacks as finance_interaction
from dashboard.pages.prices import callbacks as price_interaction
from dashboard.pages.teams import callbacks as owner_interaction
from dashboard.query.question import QuestionError
from dashboard.query.rewrite import rewrite
from dashboard.ui import filter_bar
from dashboard.ui.charts import FONT
from dashboard.ui.clicks import in_thread
from dashboard.ui.components import PART, Content, aria, error_alert, part_name
from dashboard.ui.filter_bar import CONTROLS, control_id
from dashboard.ui.view import DIMENSIONS, View, date_range, from_search, question, to_search
from ingest.access.guard import SIGN_OUT
from ingest.ledger.engine import Ledger
from ingest.logs import logger
from ingest.model.principal import current_principal

PREFIX: Final = "/dashboard/"
_ASSETS: Final = Path(dashboard.__file__).with_name("assets")
_log = logger("tallybook.dashboard")
THEME: Final = {
    "primaryColor": "blue",
    "primaryShade": 8,  # the lightest that white text can be read on
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
"""Dash's own page, with its language, and with the part of plotly's library that our charts need."""


def make_dashboard(ledger: Ledger) -> Dash:
    """The dashboard of one ledger. Make one in a process: Dash keeps some of its state beside the app."""
    app = Dash(
        dashboard.__name__,  # its folder holds the assets
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
    app.backend.websocket_capability = False  # no callback needs one, and every open tab would hold one
    app.layout = _layout
    _add_filters(app, ledger)
    _add_pages(app, ledger)
    _add_parts(app, ledger)
    _add_title(app)
    interaction.add(app, ledger)
    price_interaction.add(app, ledger)
    finance_interaction.add(app, ledger)
    owner_interaction.add(app, ledger)
    return app


def _asset(name: str) -> str:
    """The address of a style sheet or script, new when its text is.

    Dash finds assets by itself, but not before its own first request: whoever came first to a page other than the
    overview would see it without style.
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
            dcc.Location(
                id="chosen", refresh="callback-nav"
            ),  # so that no page waits for the controls at first
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
    """Who is signed in, and the way out."""
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
        Output("url", "search", allow_duplicate=True),  # else every page would wait for the controls at first
        *values,
        Input("url", "search"),
        *(Input(control_id(name), "value") for name in CONTROLS),
        prevent_initial_call="initial_duplicate",
    )
    async def keep_in_step(search: str | None, *chosen: Any) -> Any:
        """The URL fills the controls; a control that somebody changes fills the URL."""
        before = from_search(search)
        changed = ctx.triggered_id
        if changed in (None, "url"):
            return (no_update, *_shown(before, ledger))
        view = filter_bar.view_of(chosen, changed, before)
        if view is None:
            return (no_update,) * (1 + len(CONTROLS))
        # The others keep what they show: somebody may be choosing there while this answer is on its way.
        preset, days, *_ = _shown(view, ledger)
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
        """What the ledger holds can be chosen."""
        return tuple(await in_thread(filter_bar.options, ledger, from_search(search)))


def _shown(view: Any, ledger: Ledger) -> list[Any]:
    """The controls' values; a preset shows its dates."""
    preset, _, *rest = filter_bar.values_of(view)
    return [preset, [day.isoformat() for day in date_range(view, ledger.zone, datetime.now(UTC))], *rest]


def _add_pages(app: Dash, ledger: Ledger) -> None:
    @app.callback(Output("pages", "children"), Input("url", "pathname"), Input("url", "search"))
    async def link(pathname: str, search: str | None) -> Any:
        """The other pages keep the view. This does not wait for the page, so that no filter is lost on the way."""
        return _links(_page(pathname), from_search(search).page)

    @app.callback(
        Output("page", "children"),
        Output("shown", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("renamed", "data"),
        State("shown", "data"),
    )
    async def show(pathname: str, search: str | None, _: Any, shown: Any) -> Any:
        """The page that the URL names. What is laid over a page does not make it anew."""
        view = from_search(search).page
        place = [pathname, to_search(view)]
        if place == shown and ctx.triggered_id != "renamed":
            return no_update, no_update
        return await in_thread(_content, ledger, _page(pathname), view), place


def _add_title(app: Dash) -> None:
    titles = {f"{PREFIX}{page.path}": f"{page.title} - Tallybook" for page in PAGES}
    app.clientside_callback(  # type: ignore[no-untyped-call]
        f"(path) => {{ document.title = ({json.dumps(titles)})[path] ?? 'Tallybook'; return path; }}",
        Output("titled", "data"),
        Input("url", "pathname"),
    )


def _add_parts(app: Dash, ledger: Ledger) -> None:
    place = {"type": PART, "name": MATCH, "search": MATCH}

    @app.callback(Output(place, "children"), Input(place, "id"))
    async def fill(part: dict[str, str]) -> Any:
        """A part of a page, when the page is there."""
        page, make = PARTS.get(part["name"], (None, None))
        if page is None or make is None:
            return no_update
        if not page.is_open:
            return error_alert(NOT_OPEN, "part")
        return await in_thread(_shown_or_why_not, make, ledger, from_search(part["search"]))


def _page(pathname: str | None) -> Page | None:
    return page_at((pathname or PREFIX).removeprefix(PREFIX.rstrip("/")))


def _links(current: Page | None, view: View) -> list[Any]:
    return [
        dcc.Link(
            one.title,
            href=f"{PREFIX}{one.path}{to_search(view if one is current else replace(view, search=''))}",
            className="current" if one is current else "",
        )
        for one in PAGES
        if one.is_open
    ]


def _content(ledger: Ledger, page: Page | None, view: View) -> Any:
    if page is None:
        return error_alert("There is no page at this address.", "page")
    if not page.is_open:
        return error_alert(NOT_OPEN, "page")
    return _shown_or_why_not(page.content, ledger, view, "page")


def _shown_or_why_not(make: Content, ledger: Ledger, view: View, what: str = "part") -> Any:
    """A page or a part of it, or why it cannot be shown."""
    try:
        rewrite(question(view, ledger.zone, ("requests",), ("time",)))  # before a page shows half of itself
        return make(ledger, view)
    except QuestionError as error:
        return error_alert(str(error), what)
    except Exception as error:  # noqa: BLE001 - the rim: whatever it is, the reader is told and the log says more
        _log.exception("page failed", part=part_name(make), error=type(error).__qualname__)
        return error_alert("The ledger cannot be read now. Reload the page to try again.", what)
