"""The commands of `tallybook prices` that read the price book and explain what calls cost."""

from typing import Annotated, Literal

import typer

from ingest.terminal import CallsFrom, CallsTo, Csv, Json, Limit, Tier

commands = typer.Typer()

_At = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Prices of then: a date or an RFC 3339 time; now if not given."),
]


@commands.command("list")
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
    unpriced: Annotated[
        bool, typer.Option("--unpriced", help="Models that calls of a period have no price for.")
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="With --unpriced: calls from this date or time on."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="With --unpriced: calls before this date or time."),
    ] = None,
    limit: Limit = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List the prices in effect, of every source, and which price applies."""
    form: Literal["table", "json", "csv"] = "json" if as_json else "csv" if as_csv else "table"
    if unpriced:
        from dashboard.prices import unpriced_command

        raise typer.Exit(unpriced_command.run(provider, model, from_, to, limit, form))
    from dashboard.prices.list_command import ListPricesOptions, run

    options = ListPricesOptions(
        provider=provider,
        model=model,
        source=source,
        at=at,
        view="conflicts" if conflicts else "history" if history else "current",
        limit=limit,
        form=form,
    )
    raise typer.Exit(run(options))


@commands.command("show")
def prices_show(
    provider: Annotated[str, typer.Argument(help="The provider, as calls name it.")],
    model: Annotated[str, typer.Argument(help="The model, as calls name it.")],
    tier: Tier = None,
    at: _At = None,
    as_json: Json = False,
) -> None:
    """Show all that the book says of one model: what applies, by which rule, bands, terms, and every row."""
    from dashboard.prices.show_command import run

    raise typer.Exit(run(provider, model, tier, at, as_json=as_json))


@commands.command("terms")
def prices_terms(as_json: Json = False) -> None:
    """List discounts, mark-ups, surcharges of regions, and aliases."""
    from dashboard.prices.terms_command import run

    raise typer.Exit(run(as_json=as_json))


@commands.command("variance")
def prices_variance(
    from_: CallsFrom = None,
    to: CallsTo = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Only these calls; may be given several times."),
    ] = None,
    threshold: Annotated[str, typer.Option(help="List models that differ by more.")] = "1%",
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Say where sources report another cost than the price book computes, and the likely cause."""
    from dashboard.prices.variance_command import run

    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(run(from_, to, where or [], threshold, form))


@commands.command()
def explain(
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT_ID", help="The event's id, the id that its source gave, or SOURCE:ID."),
    ],
    as_json: Json = False,
) -> None:
    """Show how a call's cost was worked out: rule, price rows, quantities, products, rounding."""
    from dashboard.prices.explain_command import run

    raise typer.Exit(run(event, as_json_object=as_json))
