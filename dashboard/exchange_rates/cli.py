"""`tallybook rates`: exchange rates."""

from typing import Annotated

import typer

from ingest.terminal import FromDay, Json, ToDay

app = typer.Typer(name="rates", help="Exchange rates, by day.", no_args_is_help=True)


@app.command("import")
def import_(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="The European Central Bank's CSV, zipped or not, or date,base,quote,rate."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Import a table of rates; the same file again changes nothing."""
    from dashboard.exchange_rates.commands import import_rates

    raise typer.Exit(import_rates(path, as_json=as_json))


@app.command("set")
def set_(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The currency that is converted, such as USD.")],
    quote: Annotated[str, typer.Argument(metavar="QUOTE", help="The currency of the rate, such as EUR.")],
    rate: Annotated[str, typer.Argument(metavar="RATE", help="Units of QUOTE for one of BASE.")],
    date: Annotated[str, typer.Option(metavar="DATE", help="The day of the rate.")],
) -> None:
    """Set the rate of a day; earlier rates of that day stay in the history."""
    from dashboard.exchange_rates.commands import set_rate

    raise typer.Exit(set_rate(base, quote, rate, date))


@app.command("list")
def list_(
    pair: Annotated[str | None, typer.Option(metavar="BASE/QUOTE", help="Only this pair.")] = None,
    from_: FromDay = None,
    to: ToDay = None,
    as_json: Json = False,
) -> None:
    """List the rates as they were quoted, the latest first."""
    from dashboard.exchange_rates.commands import list_rates

    raise typer.Exit(list_rates(pair, from_, to, as_json=as_json))
