"""`tallybook doctor`: what is wrong, and what to do."""

import typer

from ingest.terminal import Json


def doctor(as_json: Json = False) -> None:
    """Say what is wrong and what to do; change nothing; exit 1 on trouble."""
    from dashboard.doctor.commands import run

    raise typer.Exit(run(as_json=as_json))
