"""`tallybook whatif`: what the same traffic would have cost elsewhere."""

from typing import Annotated

import typer

from ingest.terminal import Csv, From, Json, Timezone, To, Where


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
    from_: From = None,
    to: To = None,
    timezone: Timezone = None,
    where: Where = None,
    by: Annotated[str, typer.Option(help="A row for each model or day.")] = "model",
    prices_at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The prices of this day; of each call's time where not given."),
    ] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Price the same traffic as another model, tier or provider, or with another cache hit rate."""
    from dashboard.whatif.commands import run
    from dashboard.whatif.whatif import WhatIfParameters

    parameters = WhatIfParameters(
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
    raise typer.Exit(run(parameters, "json" if as_json else "csv" if as_csv else "table"))
