"""The commands of alerts."""

from typing import Annotated

import typer

from dashboard.directory.cli_options import CostCenter, Customer, Key, Model, Project, Team, one_subject
from ingest.terminal import Json, secret

alert = typer.Typer(
    help="Alerts: rules that are checked, and the targets that are notified.", no_args_is_help=True
)


@alert.command("add")
def alert_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name; an existing name is changed.")],
    when: Annotated[
        str,
        typer.Option(help="budget, forecast, anomaly, unpriced, unassigned or silent."),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TARGET",
            callback=secret,
            help="webhook:URL, slack:URL, smtp:ADDRESS or folder:PATH, or @FILE; repeated for several.",
        ),
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Of this budget; of all where not given.")] = None,
    source: Annotated[str | None, typer.Option(help="Of this source; of all where not given.")] = None,
    team: Team = None,
    customer: Customer = None,
    cost_center: CostCenter = None,
    key: Key = None,
    project: Project = None,
    model: Model = None,
    each: Annotated[
        str | None,
        typer.Option(
            help="For anomalies: each team, customer, virtual_key, model, provider or project by itself."
        ),
    ] = None,
    above: Annotated[
        str | None,
        typer.Option(
            metavar="LIMIT",
            help=(
                "Calls without a price, spend without a team (or a share of either, as 5%), "
                "or the least difference of an anomaly."
            ),
        ),
    ] = None,
    after: Annotated[
        int | None, typer.Option(metavar="HOURS", help="How long a source may be silent; 24 where not given.")
    ] = None,
) -> None:
    """Add a rule: a condition to check and the targets to notify, once for each crossing."""
    from dashboard.alerts.commands import add
    from dashboard.alerts.service import AddRuleOptions

    scope, subject = one_subject(
        "an alert",
        team=team,
        customer=customer,
        cost_center=cost_center,
        virtual_key=key,
        project=project,
        model=model,
    )
    options = AddRuleOptions(
        name=name,
        when=when,
        targets=tuple(to or ()),
        scope=scope,
        subject=subject,
        budget=budget,
        source=source,
        each=each,
        above=above,
        after=after,
    )
    raise typer.Exit(add(options))


@alert.command("list")
def alert_list(as_json: Json = False) -> None:
    """List what is watched and who is told."""
    from dashboard.alerts.commands import listed

    raise typer.Exit(listed(as_json=as_json))


@alert.command("remove")
def alert_remove(name: Annotated[str, typer.Argument(metavar="NAME", help="The rule.")]) -> None:
    """Remove a rule; its alerts stay."""
    from dashboard.alerts.commands import remove

    raise typer.Exit(remove(name))


@alert.command("history")
def alert_history(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the latest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the alerts that fired, and whether their messages arrived."""
    from dashboard.alerts.commands import history

    raise typer.Exit(history(as_json=as_json, most=limit))


@alert.command("check")
def alert_check(as_json: Json = False) -> None:
    """Look now, and tell of what is new; for cron, where nothing serves."""
    from dashboard.alerts.commands import check_now

    raise typer.Exit(check_now(as_json=as_json))


@alert.command("send")
def alert_send(
    again: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="First, let this message be sent that was given up or is in doubt."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send the messages that are due."""
    from dashboard.alerts.commands import send_due

    raise typer.Exit(send_due(again, as_json=as_json))


@alert.command("test")
def alert_test(name: Annotated[str, typer.Argument(metavar="NAME", help="The rule.")]) -> None:
    """Send a trial message to every target of a rule."""
    from dashboard.alerts.commands import test

    raise typer.Exit(test(name))
