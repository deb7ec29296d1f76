"""The commands that change the directory: keys, teams, customers, cost centres, and who owns what."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from ingest.terminal import Json, Reason, ToDay, secret

if TYPE_CHECKING:
    from ingest.model.ownership import SubjectKind, TargetKind

owner = typer.Typer(help="Who owns keys and teams, from which day.", no_args_is_help=True)
team = typer.Typer(help="Teams.", no_args_is_help=True)
customer = typer.Typer(help="Customers.", no_args_is_help=True)
cost_center = typer.Typer(help="Cost centres.", no_args_is_help=True)
key = typer.Typer(help="Virtual keys.", no_args_is_help=True)
directory = typer.Typer(help="Names of keys, teams and customers.", no_args_is_help=True)

_Name = Annotated[str | None, typer.Option(help="What people call it.")]


@owner.command("set")
def owner_set(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="[KEY]",
            callback=secret,
            help="A virtual key: its id, its name, or the key itself as @FILE or -.",
        ),
    ] = None,
    team: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEAM[=SHARE]",
            help="The team; several share it, as in a=60 b=40, a=60% b=40%, a=0.6 b=0.4.",
        ),
    ] = None,
    none: Annotated[
        bool, typer.Option("--none", help="No owner: take back the assignment that was set.")
    ] = False,
    project: Annotated[
        str | None, typer.Option(help="In place of a key: calls that name this project.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option(help="In place of a key: calls of this environment.")
    ] = None,
    application: Annotated[
        str | None, typer.Option(help="In place of a key: calls of this application.")
    ] = None,
    for_team: Annotated[
        str | None,
        typer.Option(
            "--for-team", metavar="TEAM", help="In place of a key: a team, for --customer and --cost-center."
        ),
    ] = None,
    customer: Annotated[str | None, typer.Option(help="The customer of that team, or of the key.")] = None,
    cost_center: Annotated[str | None, typer.Option(help="The cost centre of that team.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="From this day on; always; today where not given."),
    ] = None,
    to: ToDay = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Record who owns a key, the calls of a project, or a team, from a day of the reporting zone on."""
    from ingest.directory.assign import AssignOptions
    from ingest.directory.owner_commands import set_owner

    others = {"project": project, "environment": environment, "application": application, "team": for_team}
    subjects = [("virtual_key", key), *others.items()]
    named = [(kind, text) for kind, text in subjects if text is not None]
    if len(named) != 1:
        raise typer.BadParameter("name one of KEY, --project, --environment, --application, --for-team")
    kind, subject = named[0]
    targets = {"team": tuple(team or ()), "customer": (customer,), "cost_center": (cost_center,)}
    chosen = [(name, texts) for name, texts in targets.items() if any(texts)]
    if none and not chosen:
        chosen = [("customer" if kind == "team" else "team", ())]
    if len(chosen) != 1 or (none and any(chosen[0][1])):
        raise typer.BadParameter("name --team, --customer or --cost-center, or --none")
    target_kind, texts = chosen[0]
    if (kind == "team") == (target_kind == "team") or (target_kind == "cost_center" and kind != "team"):
        raise typer.BadParameter("a team has customers and cost centres; keys and calls have teams")
    if target_kind == "customer" and kind not in ("team", "virtual_key"):
        raise typer.BadParameter("a customer is that of a team or of a key")
    options = AssignOptions(
        subject_kind=cast("SubjectKind", kind),
        subject=subject,
        target_kind=cast("TargetKind", target_kind),
        targets=tuple(text for text in texts if text is not None),
        first=from_,
        end=to,
        reason=reason,
    )
    raise typer.Exit(set_owner(options, as_json=as_json))


@team.command("add")
def team_add(
    ident: Annotated[str, typer.Argument(metavar="NAME", help="Its id as calls say it, or its name.")],
    name: _Name = None,
    customer: Annotated[str | None, typer.Option(help="Its customer.")] = None,
    cost_center: Annotated[
        str | None, typer.Option(metavar="CODE", help="Its cost centre; added if it is not there.")
    ] = None,
) -> None:
    """Add a team; again to name it anew."""
    from ingest.directory.owner_commands import add

    raise typer.Exit(add("team", ident, name, customer=customer, cost_center=cost_center))


@customer.command("add")
def customer_add(
    ident: Annotated[str, typer.Argument(metavar="NAME", help="Its id as calls say it, or its name.")],
    name: _Name = None,
) -> None:
    """Add a customer; again to name it anew."""
    from ingest.directory.owner_commands import add

    raise typer.Exit(add("customer", ident, name))


@cost_center.command("add")
def cost_center_add(
    ident: Annotated[str, typer.Argument(metavar="CODE", help="Its code.")],
    name: _Name = None,
    gl_code: Annotated[
        str | None, typer.Option("--gl", "--gl-code", help="Its account in the general ledger.")
    ] = None,
) -> None:
    """Add a cost centre, or change it."""
    from ingest.directory.owner_commands import add

    raise typer.Exit(add("cost_center", ident, name, gl_code=gl_code))


@key.command("add")
def key_add(
    ident: Annotated[
        str,
        typer.Argument(
            metavar="ID", callback=secret, help="Its id, or the key itself, which is not kept, as @FILE or -."
        ),
    ],
    name: _Name = None,
) -> None:
    """Add a key before its first call; again to name it anew."""
    from ingest.directory.owner_commands import add

    raise typer.Exit(add("virtual_key", ident, name))


@directory.command("import")
def directory_import(
    path: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Bifrost's config.json or config.db, LiteLLM's lists, or CSV."),
    ],
    as_json: Json = False,
) -> None:
    """Take names from a file; the same file again changes nothing, and names that were given stand."""
    from ingest.directory.import_command import run

    raise typer.Exit(run(path, as_json=as_json))
