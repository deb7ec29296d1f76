"""`tallybook fees`: fixed costs that do not depend on calls."""

from typing import Annotated

import typer

from ingest.terminal import FromTime, Json, Reason, ToTime

app = typer.Typer(
    name="fees",
    help="Fees that do not depend on calls: subscriptions, provisioned throughput, credits.",
    no_args_is_help=True,
)


@app.command("add", context_settings={"ignore_unknown_options": True})  # a credit is below zero
def add(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The name; the same name from a later date changes it there."),
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Of a whole month, or of it all.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Charged from this date or time on.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Until then; open where not given.")
    ] = None,
    every: Annotated[str, typer.Option(help="month, or once for an amount spread over its time.")] = "month",
    kind: Annotated[
        str, typer.Option(help="fee, platform, provisioned, commitment, subscription, tax or credit.")
    ] = "platform",
    provider: Annotated[str | None, typer.Option(help="Whom it is paid to.")] = None,
    model: Annotated[str | None, typer.Option(help="The model that it is for.")] = None,
    team: Annotated[
        str | None, typer.Option(help="The team that bears it; shared by rules where not given.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="The reporting currency where not given.")
    ] = None,
    list_amount: Annotated[
        str | None, typer.Option("--list", metavar="AMOUNT", help="What it would be by published prices.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Add a fee. A later start ends the earlier amount there; the same start again corrects it."""
    from dashboard.fees.commands import add as run
    from dashboard.fees.service import AddFeeOptions

    options = AddFeeOptions(
        name=name,
        amount=amount,
        start=from_,
        end=to,
        every=every,
        kind=kind,
        provider=provider,
        model=model,
        team=team,
        currency=currency,
        list_amount=list_amount,
        reason=reason,
    )
    raise typer.Exit(run(options))


@app.command("end")
def end(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The fee.")],
    at: Annotated[
        str, typer.Option(metavar="TIME", help="The date or time from which it is charged no more.")
    ],
) -> None:
    """End a fee; ended at its start, it was never charged. Later amounts of it are withdrawn."""
    from dashboard.fees.commands import end as run

    raise typer.Exit(run(name, at))


@app.command("list")
def list_(
    from_: FromTime = None,
    to: ToTime = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every recorded row, with who recorded it when.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List fees and what they come to in a time: effective, spread over it, and billed, paid in it."""
    from dashboard.fees.list_command import run, show_history

    raise typer.Exit(show_history(as_json=as_json) if history else run(from_, to, as_json=as_json))
