"""`tallybook prices`: the commands of the price book. Those that only read it are added by the read side."""

from typing import Annotated

import typer

app = typer.Typer(
    name="prices",
    help="The price book: dated prices, terms, aliases, and what calls cost by them.",
    no_args_is_help=True,
)


@app.command()
def alias(
    name: Annotated[
        str, typer.Argument(metavar="PROVIDER/NAME", help="What calls name: a deployment, a nickname.")
    ],
    model: Annotated[str, typer.Argument(metavar="PROVIDER/MODEL", help="The model whose prices it has.")],
) -> None:
    """Say which model a name means, such as an Azure deployment. `*` as its provider is any provider."""
    from ingest.alias_command import run

    raise typer.Exit(run(name, model))
