"""`tallybook demo`: a sample ledger."""

from typing import Annotated

import typer


def demo(
    events: Annotated[int, typer.Option(min=1, help="How many calls.")] = 40_000,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 90,
    seed: Annotated[int, typer.Option(help="The same seed makes the same ledger.")] = 1,
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; today where not given.")
    ] = None,
    path: Annotated[str, typer.Option(help="The file to make.")] = "demo.db",
) -> None:
    """Make a ledger of believable sample traffic."""
    from dashboard.demo.command import run

    raise typer.Exit(run(events, days, seed, end, path))
