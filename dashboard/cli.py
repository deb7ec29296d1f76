"""The command `tallybook`: the write side's commands and those that read."""

import sys
from typing import Annotated

import typer

from ingest import prices_cli
from ingest.cli import Json, app

__all__ = ["main"]


@app.command()
def spend(
    by: Annotated[str, typer.Option(metavar="DIM,...", help="Dimensions to group by.")] = "",
    metric: Annotated[str, typer.Option(metavar="M,...", help="Metrics to show.")] = "",
    from_: Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="hour, day, week or month, for the dimension time.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Keep only these; may be given several times."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask what was spent: the same question as GET /v1/spend."""
    from dashboard.spend_command import run

    raise typer.Exit(
        run(
            by=by,
            metric=metric,
            start=from_,
            end=to,
            interval=interval,
            timezone=timezone,
            where=where or [],
            limit=limit,
            form="json" if as_json else "csv" if as_csv else "table",
        )
    )


_At = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Prices of then: a date or an RFC 3339 time; now if not given."),
]


@prices_cli.app.command("list")
def prices_list(
    provider: Annotated[str | None, typer.Option(help="Models of this provider only.")] = None,
    model: Annotated[str | None, typer.Option(metavar="GLOB", help="Models with such a name only.")] = None,
    source: Annotated[str | None, typer.Option(help="Prices of this source only.")] = None,
    at: _At = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every row that was ever added, with who added it when.")
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Where sources differ by more than 1%.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List prices: those that hold, of every source, and which of them count."""
    from dashboard.price_list_command import Asked, run

    asked = Asked(
        provider=provider,
        model=model,
        source=source,
        at=at,
        what="conflicts" if conflicts else "history" if history else "current",
        limit=limit,
        form="json" if as_json else "csv" if as_csv else "table",
    )
    raise typer.Exit(run(asked))


@prices_cli.app.command("show")
def prices_show(
    provider: Annotated[str, typer.Argument(help="The provider, as calls name it.")],
    model: Annotated[str, typer.Argument(help="The model, as calls name it.")],
    tier: Annotated[str | None, typer.Option(help="The service tier, such as batch.")] = None,
    at: _At = None,
    as_json: Json = False,
) -> None:
    """Show all that the book says of one model: what applies, by which rule, bands, terms, and every row."""
    from dashboard.price_show_command import run

    raise typer.Exit(run(provider, model, tier, at, as_json=as_json))


@prices_cli.app.command("terms")
def prices_terms(as_json: Json = False) -> None:
    """List discounts, mark-ups, surcharges of regions, and aliases."""
    from dashboard.price_terms_command import run

    raise typer.Exit(run(as_json=as_json))


@app.command()
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
    from dashboard.serving import run

    raise typer.Exit(run(host, port, workers, demo_if_empty=demo_if_empty))


def main() -> None:
    """Run the command; a person's mistake is one line on standard error, never a traceback."""
    try:
        from sqlalchemy.exc import DBAPIError

        from ingest.ledger.engine import LedgerError
        from ingest.ledger.slots import UnknownZone

        try:
            app()
        except (LedgerError, UnknownZone) as error:
            sys.exit(_said(str(error)))
        except DBAPIError as error:
            sys.exit(_said(f"the database refused: {str(error.orig).strip()}"))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _said(message: str) -> int:
    sys.stderr.write(f"tallybook: {message}\n")
    return 1
