"""`tallybook export focus`: charges for other programs."""

from typing import Annotated

import typer

export = typer.Typer(help="Hand the ledger's charges to other programs.", no_args_is_help=True)


@export.callback()
def _export() -> None:
    """Keep `focus` a command of its own name."""


@export.command()
def focus(
    out: Annotated[str, typer.Option(metavar="FILE", help="The file to write; - for standard output.")],
    period: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="The month.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first day, instead of a month.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The day after the last, instead of a month.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="chargeback: the platform charges teams; provider: providers charge you.")
    ] = "chargeback",
    focus_version: Annotated[str, typer.Option(help="1.4, 1.2, or the draft of 1.5.")] = "1.4",
    dataset: Annotated[
        str, typer.Option(help="cost_and_usage, invoice_detail or billing_period.")
    ] = "cost_and_usage",
    form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    issuer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With chargeback: what the platform is called; Tallybook."),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="PROVIDER=ACCOUNT", help="With provider: your account there; repeated."),
    ] = None,
    billed_cost: Annotated[
        str, typer.Option(help="With provider: estimate, or zero where you load the providers' own data too.")
    ] = "estimate",
) -> None:
    """Write charges as a FOCUS dataset, with its metadata and the calls without a price beside it."""
    from dashboard.focus.commands import export_focus
    from dashboard.focus.parse_request import ExportOptions

    options = ExportOptions(
        period=period,
        start=from_,
        end=to,
        profile=profile,
        version=focus_version,
        form=form,
        issuer=issuer,
        accounts=account or (),
        billed_cost=billed_cost,
        dataset=dataset,
    )
    raise typer.Exit(export_focus(options, out))
