"""`tallybook token`: who may use the server."""

from typing import Annotated

import typer

from ingest.terminal import Json

token = typer.Typer(help="Who may use the server.", no_args_is_help=True)


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How lists and the audit log call it.")],
    scopes: Annotated[
        list[str],
        typer.Option("--scope", help="What it may do: ingest, read, finance or admin; repeated for several."),
    ],
    teams: Annotated[
        list[str] | None,
        typer.Option("--team", metavar="TEAM", help="The only team that it reads; repeated for several."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends; never where not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an access token and show it, this once."""
    from ingest.access.commands import create

    raise typer.Exit(create(name, scopes, teams or [], expires, as_json=as_json))


@token.command("list")
def token_list(as_json: Json = False) -> None:
    """List the tokens that were made, what they may do, and which stand."""
    from ingest.access.commands import list_tokens

    raise typer.Exit(list_tokens(as_json=as_json))


@token.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A token of `tallybook token list`.")],
) -> None:
    """End a token, and the sessions of browsers that were begun with it."""
    from ingest.access.commands import revoke

    raise typer.Exit(revoke(name))
