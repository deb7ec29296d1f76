"""The commands of finance: reports, periods, rules of allocation, the audit log."""

from typing import Annotated

import typer

from dashboard.subject_option import one_subject
from ingest.cli import Json

report = typer.Typer(help="Reports for finance.", no_args_is_help=True)
period = typer.Typer(help="Months, and closing them.", no_args_is_help=True)

allocate = typer.Typer(help="Rules by which shared cost is allocated to teams.", no_args_is_help=True)

invoice = typer.Typer(help="What providers charge.", no_args_is_help=True)
budget = typer.Typer(help="What somebody may spend.", no_args_is_help=True)

_Month = Annotated[
    str, typer.Argument(metavar="MONTH", help="A month of the reporting zone, such as 2026-10.")
]


@report.command("chargeback")
def chargeback(
    period_: Annotated[
        str | None,
        typer.Option(
            "--period",
            metavar="PERIOD",
            help="2026-10, 2026-Q4, 2026, 2026-W41, 2026-10-05, or days FROM/TO (TO not included).",
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="A line for each team, customer or cost_center.")] = "team",
    form: Annotated[
        str | None, typer.Option("--format", help="json, csv, xlsx or pdf; what --out ends with, else json.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to write; standard output where not given.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="month", help="With --to: of every month, as soon as it is closed.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="TARGET", help="smtp:ADDRESS, webhook:URL or folder:PATH.")
    ] = None,
) -> None:
    """Write what every team, customer or cost centre owes for a period, or promise it to somebody for every month."""
    if every is not None or to is not None:
        if every is None or to is None or period_ is not None or out is not None:
            raise typer.BadParameter("--every month goes with --to, and without --period and --out")
        from dashboard.schedule_command import schedule

        raise typer.Exit(schedule(every, to, by, form))
    if period_ is None:
        raise typer.BadParameter("name a --period, such as 2026-10, or --every month --to TARGET")
    from dashboard.report_command import run

    raise typer.Exit(run(period_, by, form, out))


@report.command("send")
def report_send(
    again: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="First, let this one be sent that was given up or is in doubt."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send what is due of what was promised; for cron, where nothing serves."""
    from dashboard.schedule_command import send_due

    raise typer.Exit(send_due(again, as_json=as_json))


@report.command("schedules")
def report_schedules(as_json: Json = False) -> None:
    """List what was promised to whom, and what became of it."""
    from dashboard.schedule_command import listed

    raise typer.Exit(listed(as_json=as_json))


@report.command("unschedule")
def report_unschedule(number: Annotated[int, typer.Argument(metavar="NUMBER", help="The schedule.")]) -> None:
    """End a schedule; what has not been sent is not sent any more."""
    from dashboard.schedule_command import unschedule

    raise typer.Exit(unschedule(number))


@period.command("list")
def period_list(as_json: Json = False) -> None:
    """List months: open, closing or closed, by whom and when."""
    from dashboard.period_command import listed

    raise typer.Exit(listed(as_json=as_json))


@period.command("show")
def period_show(month: _Month, as_json: Json = False) -> None:
    """Show a month's total, what is to be done before it is closed, and its history."""
    from dashboard.period_command import show

    raise typer.Exit(show(month, as_json=as_json))


@period.command("close")
def period_close(
    month: _Month,
    accept: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Close it although something on the check list stops it; why."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Close a month: its statement is kept as it is and sealed; what comes later is booked in the next open month."""
    from dashboard.period_command import close

    raise typer.Exit(close(month, accept, as_json=as_json))


@period.command("reopen")
def period_reopen(
    month: _Month,
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why; it is kept.")] = "",
) -> None:
    """Open a closed month again."""
    from dashboard.period_command import reopen

    raise typer.Exit(reopen(month, reason))


@allocate.command("set")
def allocate_set(
    pool: Annotated[
        str,
        typer.Argument(metavar="POOL", help="fees, unassigned (calls of no team), or fee:NAME for one fee."),
    ],
    method: Annotated[
        str, typer.Option("--by", help="even, cost, tokens, requests, fixed, or keep (not at all).")
    ],
    team: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEAM[=PARTS]", help="A team that shares it, with its parts; all where none is named."
        ),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day on; always where not given.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Before this day.")] = None,
    fallback: Annotated[
        str, typer.Option(help="Where the proportion is to nothing at all: even, or keep.")
    ] = "even",
    reason: Annotated[str, typer.Option(help="Kept with it.")] = "",
) -> None:
    """Set how a pool is allocated; the rule recorded last counts where several cover a day."""
    from dashboard.allocate_command import Asked, record

    asked = Asked(pool, method, tuple(team or ()), from_, to, fallback, reason)
    raise typer.Exit(record(asked))


@allocate.command("list")
def allocate_list(as_json: Json = False) -> None:
    """List the rules, the latest first."""
    from dashboard.allocate_command import listed

    raise typer.Exit(listed(as_json=as_json))


def audit(
    action: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Changes of this kind only, such as owner, prices, period."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who changed what: prices, owners, rates, fees, rules, periods; the latest first."""
    from dashboard.audit_command import run

    raise typer.Exit(run(action, limit, as_json=as_json))


@budget.command("set")
def budget_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it; again to change it.")],
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What may be spent, in the reporting currency.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="N", help="In place of money: tokens.")] = None,
    team: Annotated[str | None, typer.Option(help="Of this team.")] = None,
    customer: Annotated[str | None, typer.Option(help="Of this customer.")] = None,
    cost_center: Annotated[str | None, typer.Option(help="Of this cost centre.")] = None,
    key: Annotated[str | None, typer.Option(help="Of this virtual key.")] = None,
    project: Annotated[str | None, typer.Option(help="Of this project.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model.")] = None,
    per: Annotated[str, typer.Option(help="day, week, month or quarter.")] = "month",
    threshold: Annotated[
        str | None,
        typer.Option(metavar="PERCENTS", help="Where somebody is told; 50,80,100 where not given."),
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Before this day.")] = None,
    reason: Annotated[str, typer.Option(help="Kept with it.")] = "",
) -> None:
    """Set what somebody may spend in each period; everybody together where nobody is named."""
    from dashboard.budget_command import Asked, record

    scope, subject = one_subject(
        "a budget",
        team=team,
        customer=customer,
        cost_center=cost_center,
        virtual_key=key,
        project=project,
        model=model,
    )
    asked = Asked(
        name=name,
        amount=amount,
        tokens=tokens,
        scope=scope,
        subject=subject,
        per=per,
        thresholds=threshold,
        start=from_,
        end=to,
        reason=reason,
    )
    raise typer.Exit(record(asked))


@budget.command("list")
def budget_list(as_json: Json = False) -> None:
    """List budgets and how far they are used in the period that is running."""
    from dashboard.budget_command import listed

    raise typer.Exit(listed(as_json=as_json))


@budget.command("remove")
def budget_remove(name: Annotated[str, typer.Argument(metavar="NAME", help="The budget.")]) -> None:
    """Take a budget back; its history stays."""
    from dashboard.budget_command import remove

    raise typer.Exit(remove(name))


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
    from dashboard.reconcile_command import import_invoice

    raise typer.Exit(import_invoice(path, provider, account, as_json=as_json))


@invoice.command("list")
def invoice_list(
    period_: Annotated[
        str | None, typer.Option("--period", metavar="PERIOD", help="Of this month only.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what providers charge, by month and account."""
    from dashboard.reconcile_command import list_invoices

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
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Compare what providers charge with the ledger, and say how much of the difference is explained."""
    from dashboard.reconcile_command import Asked, run

    form = "json" if as_json else "csv" if as_csv else "table"
    raise typer.Exit(run(Asked(period_, by, provider, threshold, accept, team, form)))
