"""Declarations of `tallybook backup` and `tallybook restore`."""

from typing import Annotated

import typer

from ingest.terminal import Json


def backup(
    destination: Annotated[
        str, typer.Argument(metavar="DEST", help="The folder that the backups go to, each a folder in it.")
    ],
    keep: Annotated[
        int | None, typer.Option(min=1, help="Remove all but the last so many backups of this ledger.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Go on, with a backup every 30m, 6h or 1d.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the copy again: hash, integrity, counts, invariants.")
    ] = False,
    verify_only: Annotated[
        bool,
        typer.Option("--verify-only", help="Make no backup: verify the backup DEST, or the newest in DEST."),
    ] = False,
    pg_dump: Annotated[
        str | None, typer.Option(metavar="FILE", help="The pg_dump of a ledger on PostgreSQL.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a backup of the ledger and its secret, also while a server writes to it."""
    from ingest.backup.commands import BackupCommand, run

    command = BackupCommand(
        destination=destination,
        keep=keep,
        every=every,
        is_verified=verify,
        is_check=verify_only,
        pg_dump=pg_dump,
        as_json=as_json,
    )
    raise typer.Exit(run(command))


def restore(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A backup, or a folder of backups: then its newest.")
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The file or URL of the ledger; TALLYBOOK_DATABASE_URL if not given."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move a ledger that is there aside. Nothing is deleted.")
    ] = False,
    pg_restore: Annotated[
        str | None, typer.Option(metavar="FILE", help="The pg_restore for a ledger on PostgreSQL.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a ledger of a backup. Stop the server first."""
    from ingest.backup.commands import run_restore
    from ingest.backup.restore import RestoreOptions

    options = RestoreOptions(source=source, to=to, is_replacing=replace, pg_restore=pg_restore)
    raise typer.Exit(run_restore(options, as_json=as_json))
