"""`tallybook audit`: who changed what."""

from typing import Annotated

import typer

from ingest.terminal import Json


def audit(
    action: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Changes of this kind only, such as owner, prices, period."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who changed what: prices, owners, rates, fees, rules, periods; the latest first."""
    from ingest.audit.commands import run

    raise typer.Exit(run(action, limit, as_json=as_json))
