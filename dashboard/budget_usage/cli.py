"""`tallybook budget`: set, list and remove budgets."""

from typing import Annotated

import typer

from dashboard.directory.cli_options import CostCenter, Customer, Key, Model, Project, Team, one_subject
from ingest.terminal import FromDay, Json, Reason, ToDay

budget = typer.Typer(
    help="Budgets: how much a team, key or project may spend in a period.", no_args_is_help=True
)


@budget.command("set")
def budget_set(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name; an existing name is changed.")],
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What may be spent, in the reporting currency.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(metavar="N", help="In place of money: tokens.")] = None,
    team: Team = None,
    customer: Customer = None,
    cost_center: CostCenter = None,
    key: Key = None,
    project: Project = None,
    model: Model = None,
    per: Annotated[str, typer.Option(help="day, week, month or quarter.")] = "month",
    threshold: Annotated[
        str | None,
        typer.Option(metavar="PERCENTS", help="The shares of the limit that alert; 50,80,100 by default."),
    ] = None,
    counts: Annotated[
        str,
        typer.Option(help="calls (alone), fees (and own fees), or shared (and shared cost as well)."),
    ] = "calls",
    from_: FromDay = None,
    to: ToDay = None,
    reason: Reason = "",
) -> None:
    """Set how much may be spent in each period; without a subject, the budget is of everything."""
    from dashboard.budget_usage.commands import set_budget
    from dashboard.budgets.service import SetBudgetOptions

    scope, subject = one_subject(
        "a budget",
        team=team,
        customer=customer,
        cost_center=cost_center,
        virtual_key=key,
        project=project,
        model=model,
    )
    options = SetBudgetOptions(
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
        counts=counts,
    )
    raise typer.Exit(set_budget(options))


@budget.command("list")
def budget_list(as_json: Json = False) -> None:
    """List budgets and how far they are used in the period that is running."""
    from dashboard.budget_usage.commands import listed

    raise typer.Exit(listed(as_json=as_json))


@budget.command("remove")
def budget_remove(name: Annotated[str, typer.Argument(metavar="NAME", help="The budget.")]) -> None:
    """Take a budget back; its history stays."""
    from dashboard.budget_usage.commands import remove

    raise typer.Exit(remove(name))
