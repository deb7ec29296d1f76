"""`tallybook invoice` and `tallybook reconcile`: what providers charge, compared with the ledger."""

from typing import Annotated

import typer

from ingest.terminal import Csv, Json

invoice = typer.Typer(help="What providers charge.", no_args_is_help=True)


@invoice.command("import")
def invoice_import(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="OpenAI's costs, Anthropic's cost report, OpenRouter's activity, or CSV."
        ),
    ],
    provider: Annotated[str | None, typer.Option(help="Whose it is, where the file does not say.")] = None,
    account: Annotated[str, typer.Option(help="Of which account, where the file does not say.")] = "",
    as_json: Json = False,
) -> None:
    """Import what a provider charges; the same again changes nothing, and what is exported later counts."""
    from dashboard.reconciliation.commands import import_invoice

    raise typer.Exit(import_invoice(path, provider, account, as_json=as_json))


@invoice.command("list")
def invoice_list(
    period_: Annotated[
        str | None, typer.Option("--period", metavar="PERIOD", help="Of this month only.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what providers charge, by month and account."""
    from dashboard.reconciliation.commands import list_invoices

    raise typer.Exit(list_invoices(period_, as_json=as_json))


def reconcile(
    period_: Annotated[
        str, typer.Option("--period", metavar="MONTH", help="A month of UTC, such as 2026-10.")
    ],
    by: Annotated[str, typer.Option(help="provider, day or model.")] = "provider",
    provider: Annotated[str | None, typer.Option(help="This provider only.")] = None,
    threshold: Annotated[
        str | None,
        typer.Option(metavar="PERCENT|AMOUNT", help="What may differ and still agrees; 1% where not given."),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(
            metavar="REASON", help="Book what differs as an adjustment in the earliest open month; why."
        ),
    ] = None,
    team: Annotated[str | None, typer.Option(help="With --accept: the team that bears it.")] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Compare what providers charge with the ledger, and say how much of the difference is explained."""
    from dashboard.reconciliation.commands import ReconcileOptions, run

    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(run(ReconcileOptions(period_, by, provider, threshold, accept, team, form)))
