"""`tallybook serve`: the server."""

from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="The address; TALLYBOOK_HOST where not given.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; TALLYBOOK_PORT where not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    demo_if_empty: Annotated[
        bool,
        typer.Option(
            "--demo-if-empty", help="Serve the sample ledger where there is no ledger of one's own."
        ),
    ] = False,
) -> None:
    """Serve the API and the dashboard."""
    from dashboard.server.serve import run

    raise typer.Exit(run(host, port, workers, make_demo=_make_demo if demo_if_empty else None))


def _make_demo() -> None:
    from dashboard.demo.command import run

    run()
