"""The command `tallybook`: the write side's commands and those that read."""

import sys
from typing import Annotated

import typer

from ingest import prices_cli
from ingest.cli import Json, app
from ingest.prices_cli import app as prices

__all__ = ["main"]

_SHOWN_PRICES = 50


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


@app.command()
def whatif(
    from_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only calls of this model.")] = None,
    to_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Price them as this model.")] = None,
    from_provider: Annotated[
        str | None, typer.Option(metavar="PROVIDER", help="Only calls of this provider.")
    ] = None,
    to_provider: Annotated[
        str | None, typer.Option(metavar="PROVIDER", help="Price them as this provider's.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="Price them in this service tier: batch, flex, priority, standard.")
    ] = None,
    cache_hit_rate: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Price them with this share of input read from the prompt cache."),
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Keep only these; may be given several times."),
    ] = None,
    by: Annotated[str, typer.Option(help="A row for each model or day.")] = "model",
    prices_at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The prices of this day; of each call's time where not given."),
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Price the same traffic as another model, tier or provider, or with another cache hit rate."""
    from dashboard.whatif import Words
    from dashboard.whatif_command import run

    words = Words(
        from_model=from_model,
        from_provider=from_provider,
        to_model=to_model,
        to_provider=to_provider,
        tier=tier,
        cache_hit_rate=cache_hit_rate,
        start=from_,
        end=to,
        timezone=timezone,
        where=where or (),
        by=by,
        prices_at=prices_at,
    )
    raise typer.Exit(run(words, "json" if as_json else "csv" if as_csv else "table"))


@prices.command()
def explain(
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT_ID", help="The event's id, the id that its source gave, or SOURCE:ID."),
    ],
    as_json: Json = False,
) -> None:
    """Show how a call's cost was worked out: rule, price rows, quantities, products, rounding."""
    from dashboard.explain_command import run

    raise typer.Exit(run(event, as_json_object=as_json))


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


@prices_cli.app.command("list")
def list_prices(
    search: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="Words that provider, model and tier hold.")
    ] = "",
    provider: Annotated[str | None, typer.Option(help="The provider, as price lists name it.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, as price lists name it.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Prices of this date or time; else of now.")
    ] = None,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Where sources disagree by more than 1%.")
    ] = False,
    unpriced: Annotated[
        bool, typer.Option("--unpriced", help="Models that calls have no price for.")
    ] = False,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Calls from this date or time on.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Calls before this date or time.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List what models cost, those that are called most first."""
    if conflicts and unpriced:
        raise typer.BadParameter("ask for conflicts or for what is unpriced", param_hint="--unpriced")
    from dashboard.prices_command import Asked, list_

    form = "json" if as_json else "csv" if as_csv else "table"
    shown = limit if limit or form != "table" else _SHOWN_PRICES
    asked = Asked(
        search=search,
        provider=provider,
        model=model,
        at=at,
        conflicts=conflicts,
        unpriced=unpriced,
        start=from_,
        end=to,
        limit=shown,
        form=form,
    )
    raise typer.Exit(list_(asked))


@prices_cli.app.command("show")
def show_prices(
    provider: Annotated[str, typer.Argument(help="The provider, as calls or price lists name it.")],
    model: Annotated[str, typer.Argument(help="The model, as calls or price lists name it.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Prices of this date or time; else of now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say all that the book holds of one model: prices, bands, tiers, terms, and every row with who added it."""
    from dashboard.prices_command import show

    raise typer.Exit(show(provider, model, at, as_json=as_json))


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
