"""`tallybook import` and `rejected`: files of calls, and their records that could not become events."""

from typing import Annotated

import typer

from ingest.terminal import Json, Source, secret

rejected = typer.Typer(help="Records that could not become events.", no_args_is_help=True)


def import_(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files, folders, archives, URLs, or - for standard input."),
    ],
    format_name: Annotated[str, typer.Option("--format", help="One of `tallybook formats`.")] = "auto",
    mapping: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A TOML file that says which column of a table is what."),
    ] = None,
    inspect: Annotated[
        bool,
        typer.Option("--inspect", help="Say what a file is, propose a mapping for a table; import nothing."),
    ] = False,
    source: Source = None,
    virtual_key: Annotated[
        str | None,
        typer.Option(
            callback=secret,
            envvar="TALLYBOOK_VIRTUAL_KEY",
            help="The virtual key of records that do not name one; @FILE or - for a secret one.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip what an earlier import has committed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import files of responses, gateway logs or tables, packed or not; safe to interrupt and to repeat."""
    from ingest.importing.commands import run

    if inspect:
        raise typer.Exit(_inspected(paths, format_name, mapping))
    raise typer.Exit(
        run(
            paths,
            format_name=format_name,
            mapping=mapping,
            source=source,
            virtual_key=virtual_key,
            dry_run=dry_run,
            resume=resume,
            as_json=as_json,
        )
    )


def _inspected(paths: list[str], format_name: str, mapping: str | None) -> int:
    from ingest.importing import inspect_command

    if len(paths) != 1:
        raise typer.BadParameter("name one file to inspect", param_hint="PATH")
    return inspect_command.run(paths[0], format_name=format_name, mapping=mapping)


@rejected.command("list")
def rejected_list(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
) -> None:
    """Show the newest rejected records with their place and reason."""
    from ingest.importing.rejected_command import show

    raise typer.Exit(show(limit))


@rejected.command("retry")
def rejected_retry(
    mapping: Annotated[
        str | None, typer.Option(metavar="FILE", help="The mended mapping of the table they came from.")
    ] = None,
) -> None:
    """Read the kept records again, for when a newer version or a mended mapping can."""
    from ingest.importing.rejected_command import retry

    raise typer.Exit(retry(mapping))
