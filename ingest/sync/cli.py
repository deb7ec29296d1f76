"""`tallybook sync`: a gateway's own log store."""

from typing import Annotated

import typer

from ingest.terminal import Json, Source, secret


def sync(
    gateway: Annotated[
        str, typer.Argument(metavar="bifrost|litellm", help="The gateway whose store is read.")
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            callback=secret,
            help="A path, sqlite:///PATH, postgresql://..., or http(s)://... of the log API; @FILE or -.",
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Read from this date or time on, where that is further back."),
    ] = None,
    every: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.1, help="Keep following, so often.")
    ] = None,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Read a gateway's own log store, from where it was last left; safe to interrupt and to run again."""
    from ingest.sync.commands import run

    raise typer.Exit(run(gateway, url, since=since, every=every, source=source, as_json=as_json))
