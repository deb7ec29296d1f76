"""The commands of `tallybook owner`, `team` and `directory` that read who owns what."""

from typing import Annotated

import typer

from ingest.terminal import FromTime, Json, OutFile, ToTime

owner = typer.Typer()
team = typer.Typer()
directory = typer.Typer()


@owner.command("list")
def owner_list(
    subject: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of this key, team or project only.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="What holds on this day.")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="What was recorded before then.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List who owns what from when, who recorded it when; the latest first."""
    from dashboard.directory.commands import list_owners

    raise typer.Exit(list_owners(subject, at, as_of, as_json=as_json))


@owner.command("unassigned")
def owner_unassigned(from_: FromTime = None, to: ToTime = None, as_json: Json = False) -> None:
    """List the keys whose calls belong to no team, by spend."""
    from dashboard.directory.commands import list_unassigned

    raise typer.Exit(list_unassigned(from_, to, as_json=as_json))


@team.command("list")
def team_list(from_: FromTime = None, to: ToTime = None, as_json: Json = False) -> None:
    """List teams with their customers, cost centres and spend."""
    from dashboard.directory.commands import list_teams

    raise typer.Exit(list_teams(from_, to, as_json=as_json))


@directory.command("export")
def directory_export(
    out: OutFile = None,
    as_json: Json = False,
) -> None:
    """Write keys, teams, customers, cost centres and their owners as CSV that `directory import` reads."""
    from dashboard.directory.commands import export

    raise typer.Exit(export(out, as_json=as_json))
