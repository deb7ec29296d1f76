"""The command `tallybook`: the write side's commands and those that read."""

import sys
from typing import Annotated, Literal

import typer

from dashboard import alert_cli, finance_cli
from ingest import fees_cli, owner_cli, prices_cli, rates_cli
from ingest.cli import Json, app, directory
from ingest.prices_cli import app as prices

__all__ = ["main"]


@app.command()
def spend(
    by: Annotated[str, typer.Option(metavar="DIM,...", help="Dimensions to group by.")] = "",
    metric: Annotated[str, typer.Option(metavar="M,...", help="Metrics to show.")] = "",
    from_: Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="hour, day, week or month, for the dimension time.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Keep only these; may be given several times."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")] = None,
    currency: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Convert all amounts to this currency, by the rate of each day."),
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask what was spent: the same question as GET /v1/spend."""
    from dashboard.spend_command import run

    raise typer.Exit(
        run(
            by=by,
            metric=metric,
            start=from_,
            end=to,
            interval=interval,
            timezone=timezone,
            where=where or [],
            limit=limit,
            currency=currency,
            form="json" if as_json else "csv" if as_csv else "table",
        )
    )


_At = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Prices of then: a date or an RFC 3339 time; now if not given."),
]


@prices_cli.app.command("list")
def prices_list(
    provider: Annotated[str | None, typer.Option(help="Models of this provider only.")] = None,
    model: Annotated[str | None, typer.Option(metavar="GLOB", help="Models with such a name only.")] = None,
    source: Annotated[str | None, typer.Option(help="Prices of this source only.")] = None,
    at: _At = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every row that was ever added, with who added it when.")
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Where sources differ by more than 1%.")
    ] = False,
    unpriced: Annotated[
        bool, typer.Option("--unpriced", help="Models that calls of a period have no price for.")
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="With --unpriced: calls from this date or time on."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="With --unpriced: calls before this date or time."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List prices: those that hold, of every source, and which of them count."""
    form: Literal["table", "json", "csv"] = "json" if as_json else "csv" if as_csv else "table"
    if unpriced:
        from dashboard import unpriced_command

        raise typer.Exit(unpriced_command.run(provider, model, from_, to, limit, form))
    from dashboard.price_list_command import Asked, run

    asked = Asked(
        provider=provider,
        model=model,
        source=source,
        at=at,
        what="conflicts" if conflicts else "history" if history else "current",
        limit=limit,
        form=form,
    )
    raise typer.Exit(run(asked))


@prices_cli.app.command("show")
def prices_show(
    provider: Annotated[str, typer.Argument(help="The provider, as calls name it.")],
    model: Annotated[str, typer.Argument(help="The model, as calls name it.")],
    tier: Annotated[str | None, typer.Option(help="The service tier, such as batch.")] = None,
    at: _At = None,
    as_json: Json = False,
) -> None:
    """Show all that the book says of one model: what applies, by which rule, bands, terms, and every row."""
    from dashboard.price_show_command import run

    raise typer.Exit(run(provider, model, tier, at, as_json=as_json))


@prices_cli.app.command("terms")
def prices_terms(as_json: Json = False) -> None:
    """List discounts, mark-ups, surcharges of regions, and aliases."""
    from dashboard.price_terms_command import run

    raise typer.Exit(run(as_json=as_json))


@prices_cli.app.command("variance")
def prices_variance(
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Calls from this date or time on.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Calls before this date or time.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Only these calls; may be given several times."),
    ] = None,
    threshold: Annotated[str, typer.Option(help="List models that differ by more.")] = "1%",
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Say where sources report another cost than the price book computes, and the likely cause."""
    from dashboard.variance_command import run

    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(run(from_, to, where or [], threshold, form))


@app.command()
def whatif(
    from_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only calls of this model.")] = None,
    to_model: Annotated[str | None, typer.Option(metavar="MODEL", help="Price them as this model.")] = None,
    from_provider: Annotated[
        str | None, typer.Option(metavar="PROVIDER", help="Only calls of this provider.")
    ] = None,
    to_provider: Annotated[
        str | None, typer.Option(metavar="PROVIDER", help="Price them as this provider's.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="Price them in this service tier: batch, flex, priority, standard.")
    ] = None,
    cache_hit_rate: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Price them with this share of input read from the prompt cache."),
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="DIM=VALUE", help="Keep only these; may be given several times."),
    ] = None,
    by: Annotated[str, typer.Option(help="A row for each model or day.")] = "model",
    prices_at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The prices of this day; of each call's time where not given."),
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Price the same traffic as another model, tier or provider, or with another cache hit rate."""
    from dashboard.whatif import Words
    from dashboard.whatif_command import run

    words = Words(
        from_model=from_model,
        from_provider=from_provider,
        to_model=to_model,
        to_provider=to_provider,
        tier=tier,
        cache_hit_rate=cache_hit_rate,
        start=from_,
        end=to,
        timezone=timezone,
        where=where or (),
        by=by,
        prices_at=prices_at,
    )
    raise typer.Exit(run(words, "json" if as_json else "csv" if as_csv else "table"))


@prices.command()
def explain(
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT_ID", help="The event's id, the id that its source gave, or SOURCE:ID."),
    ],
    as_json: Json = False,
) -> None:
    """Show how a call's cost was worked out: rule, price rows, quantities, products, rounding."""
    from dashboard.explain_command import run

    raise typer.Exit(run(event, as_json_object=as_json))


export = typer.Typer(help="Hand the ledger's charges to other programs.", no_args_is_help=True)
app.add_typer(export, name="export")


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
    focus_version: Annotated[str, typer.Option(help="1.4 or 1.2.")] = "1.4",
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
    """Write charges as a FOCUS dataset of cost and usage, with its metadata and the calls without a price beside it."""
    from dashboard.focus.words import Words
    from dashboard.focus_command import run

    words = Words(
        period=period,
        start=from_,
        end=to,
        profile=profile,
        version=focus_version,
        form=form,
        issuer=issuer,
        accounts=account or (),
        billed_cost=billed_cost,
    )
    raise typer.Exit(run(words, out))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address; TALLYBOOK_HOST where not given.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; TALLYBOOK_PORT where not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    demo_if_empty: Annotated[
        bool,
        typer.Option(
            "--demo-if-empty", help="Serve the sample ledger where there is no ledger of one's own."
        ),
    ] = False,
) -> None:
    """Serve the API and the dashboard."""
    from dashboard.serving import run

    raise typer.Exit(run(host, port, workers, demo_if_empty=demo_if_empty))


@fees_cli.app.command("list")
def fees_list(
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From this date or time on.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this date or time.")] = None,
    as_json: Json = False,
) -> None:
    """List fees and what they come to in a time: effective, spread over it, and billed, paid in it."""
    from dashboard.fees_command import run

    raise typer.Exit(run(from_, to, as_json=as_json))


_From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this date or time on.")]
_To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this date or time.")]


@owner_cli.owner.command("list")
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
    from dashboard.owner_commands import list_owners

    raise typer.Exit(list_owners(subject, at, as_of, as_json=as_json))


@owner_cli.owner.command("unassigned")
def owner_unassigned(from_: _From = None, to: _To = None, as_json: Json = False) -> None:
    """List the keys whose calls belong to no team, by spend."""
    from dashboard.owner_commands import list_unassigned

    raise typer.Exit(list_unassigned(from_, to, as_json=as_json))


@owner_cli.team.command("list")
def team_list(from_: _From = None, to: _To = None, as_json: Json = False) -> None:
    """List teams with their customers, cost centres and spend."""
    from dashboard.owner_commands import list_teams

    raise typer.Exit(list_teams(from_, to, as_json=as_json))


@directory.command("export")
def directory_export(
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to write; standard output where not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write keys, teams, customers, cost centres and their owners as CSV that `directory import` reads."""
    from dashboard.owner_commands import export

    raise typer.Exit(export(out, as_json=as_json))


app.add_typer(owner_cli.owner, name="owner")
app.add_typer(owner_cli.team, name="team")
app.add_typer(owner_cli.customer, name="customer")
app.add_typer(owner_cli.cost_center, name="cost-center")
app.add_typer(owner_cli.key, name="key")
app.add_typer(finance_cli.report, name="report")
app.add_typer(finance_cli.period, name="period")
app.add_typer(finance_cli.allocate, name="allocate")
app.add_typer(finance_cli.budget, name="budget")
app.add_typer(alert_cli.alert, name="alert")
app.add_typer(finance_cli.invoice, name="invoice")
app.command("reconcile")(finance_cli.reconcile)
app.command("audit")(finance_cli.audit)
app.add_typer(rates_cli.app)
app.add_typer(fees_cli.app)


def main() -> None:
    """Run the command; a person's mistake is one line on standard error, never a traceback."""
    try:
        from sqlalchemy.exc import DBAPIError

        from ingest.ledger.engine import LedgerError
        from ingest.model.zone import UnknownZone

        try:
            app()
        except (LedgerError, UnknownZone) as error:
            sys.exit(_said(str(error)))
        except DBAPIError as error:
            sys.exit(_said(f"the database refused: {str(error.orig).strip()}"))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _said(message: str) -> int:
    sys.stderr.write(f"tallybook: {message}\n")
    return 1
