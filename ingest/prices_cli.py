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


@app.command(name="import")
def import_(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="LiteLLM's price map, Bifrost's datasheet, or a CSV, YAML or JSON table of your own.",
            show_default=False,
        ),
    ] = None,
    litellm: Annotated[
        bool, typer.Option("--litellm", help="The price map in the installed litellm package.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The source that the prices are kept under.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            help="From when changed prices hold (UTC); else from now.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and keep nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Add the prices of a list to the book: what differs from what is in effect, and nothing twice."""
    from ingest.price_import_command import run

    raise typer.Exit(run(path, litellm=litellm, source=source, start=start, dry_run=dry_run, as_json=as_json))
