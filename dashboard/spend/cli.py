"""`tallybook spend`: what was spent."""

from typing import Annotated

import typer

from ingest.terminal import Csv, From, Json, Limit, Timezone, To, Where


def spend(
    by: Annotated[str, typer.Option(metavar="DIM,...", help="Dimensions to group by.")] = "",
    metric: Annotated[str, typer.Option(metavar="M,...", help="Metrics to show.")] = "",
    from_: From = None,
    to: To = None,
    interval: Annotated[
        str | None, typer.Option(help="hour, day, week or month, for the dimension time.")
    ] = None,
    timezone: Timezone = None,
    where: Where = None,
    limit: Limit = None,
    currency: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Convert all amounts to this currency, by the rate of each day."),
    ] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Ask what was spent: the same question as GET /v1/spend."""
    from dashboard.spend.commands import run

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
            currency=currency,
            form="json" if as_json else "csv" if as_csv else "table",
        )
    )
