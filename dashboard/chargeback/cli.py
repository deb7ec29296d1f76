"""`tallybook report`, `period` and `allocate`: what teams owe, months, and allocation rules."""

from typing import Annotated

import typer

from ingest.terminal import Json, OutFile, Reason, ToDay, secret

report = typer.Typer(help="Reports for finance.", no_args_is_help=True)
period = typer.Typer(help="Months, and closing them.", no_args_is_help=True)
allocate = typer.Typer(help="Rules by which shared cost is allocated to teams.", no_args_is_help=True)

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
    out: OutFile = None,
    every: Annotated[
        str | None, typer.Option(metavar="month", help="With --to: of every month, as soon as it is closed.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET", callback=secret, help="smtp:ADDRESS, webhook:URL or folder:PATH, or @FILE."
        ),
    ] = None,
) -> None:
    """Write what each team, customer or cost centre owes for a period, or send it every month."""
    if every is not None or to is not None:
        if every is None or to is None or period_ is not None or out is not None:
            raise typer.BadParameter("--every month goes with --to, and without --period and --out")
        from dashboard.chargeback.schedule_commands import schedule

        raise typer.Exit(schedule(every, to, by, form))
    if period_ is None:
        raise typer.BadParameter("name a --period, such as 2026-10, or --every month --to TARGET")
    from dashboard.chargeback.report_command import run

    raise typer.Exit(run(period_, by, form, out))


@report.command("journal")
def journal(
    period_: Annotated[
        str, typer.Option("--period", metavar="PERIOD", help="2026-10, 2026-Q4, or as for chargeback.")
    ],
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    credit_gl: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="The account in the general ledger that the platform is credited on."
        ),
    ] = "",
    credit_cost_center: Annotated[
        str, typer.Option(metavar="CODE", help="The cost centre that the platform is credited on.")
    ] = "",
    out: OutFile = None,
) -> None:
    """Write postings for an accounting system: debit teams, credit the platform; they add up to zero."""
    from dashboard.chargeback.journal import Clearing
    from dashboard.chargeback.report_command import run_journal

    clearing = Clearing(cost_center=credit_cost_center, gl_code=credit_gl)
    raise typer.Exit(run_journal(period_, form, clearing, out))


@report.command("adjustment")
def adjustment(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Its number on a statement, such as 2026-11-3.")
    ],
    as_json: Json = False,
) -> None:
    """Show what an adjustment is made of: calls, prices and owners, before and after."""
    from dashboard.chargeback.adjustment_command import run

    raise typer.Exit(run(number, as_json=as_json))


@report.command("send")
def report_send(
    again: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="First, let this one be sent that was given up or is in doubt."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send what is due of what was promised; for cron, where nothing serves."""
    from dashboard.chargeback.schedule_commands import send_due

    raise typer.Exit(send_due(again, as_json=as_json))


@report.command("schedules")
def report_schedules(as_json: Json = False) -> None:
    """List what was promised to whom, and what became of it."""
    from dashboard.chargeback.schedule_commands import list_schedules

    raise typer.Exit(list_schedules(as_json=as_json))


@report.command("unschedule")
def report_unschedule(number: Annotated[int, typer.Argument(metavar="NUMBER", help="The schedule.")]) -> None:
    """End a schedule; what has not been sent is not sent any more."""
    from dashboard.chargeback.schedule_commands import unschedule

    raise typer.Exit(unschedule(number))


@period.command("list")
def period_list(as_json: Json = False) -> None:
    """List months: open, closing or closed, by whom and when."""
    from dashboard.chargeback.period_commands import list_months

    raise typer.Exit(list_months(as_json=as_json))


@period.command("show")
def period_show(month: _Month, as_json: Json = False) -> None:
    """Show a month's total, what is to be done before it is closed, and its history."""
    from dashboard.chargeback.period_commands import show_month

    raise typer.Exit(show_month(month, as_json=as_json))


@period.command("close")
def period_close(
    month: _Month,
    accept: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Close it although something on the check list stops it; why."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Close a month: its statement is sealed; later changes are booked in the next open month."""
    from dashboard.chargeback.period_commands import close

    raise typer.Exit(close(month, accept, as_json=as_json))


@period.command("reopen")
def period_reopen(
    month: _Month,
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why; it is kept.")] = "",
) -> None:
    """Open a closed month again."""
    from dashboard.chargeback.period_commands import reopen

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
            metavar="TEAM[=SHARE]",
            help="A team that shares it, with its share (60, 60% or 0.6); all where none is named.",
        ),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day on; always where not given.")
    ] = None,
    to: ToDay = None,
    fallback: Annotated[
        str, typer.Option(help="Where the proportion is to nothing at all: even, or keep.")
    ] = "even",
    reason: Reason = "",
) -> None:
    """Set how a pool is allocated; the rule recorded last counts where several cover a day."""
    from dashboard.chargeback.allocation_commands import set_rule
    from dashboard.chargeback.allocation_service import SetAllocationOptions

    options = SetAllocationOptions(pool, method, tuple(team or ()), from_, to, fallback, reason)
    raise typer.Exit(set_rule(options))


@allocate.command("list")
def allocate_list(as_json: Json = False) -> None:
    """List the rules, the latest first."""
    from dashboard.chargeback.allocation_commands import list_rules

    raise typer.Exit(list_rules(as_json=as_json))
