"""The commands of the write side. Each returns its exit code: 0 all well, 1 failure, 2 wrong usage, 3 some rejected."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingest import __version__, prices_cli
from ingest.cli_options import CallsFrom, CallsTo, Json, Source

if TYPE_CHECKING:
    from ingest.ledger.engine import Ledger

app = typer.Typer(
    name="tallybook",
    help="An exact usage and cost ledger for LLM gateways.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console()
err = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"tallybook {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def tallybook(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An exact usage and cost ledger for LLM gateways."""


@app.command("import")
def import_command(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Files, folders, archives, URLs, or - for standard input."),
    ],
    format_name: Annotated[str, typer.Option("--format", help="One of `tallybook formats`.")] = "auto",
    mapping: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A TOML file that says which column of a table is what."),
    ] = None,
    inspect: Annotated[
        bool,
        typer.Option("--inspect", help="Say what a file is, propose a mapping for a table; import nothing."),
    ] = False,
    source: Source = None,
    virtual_key: Annotated[
        str | None, typer.Option(help="The virtual key of records that do not name one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip what an earlier import has committed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import files of responses, gateway logs or tables, packed or not; safe to interrupt and to run again."""
    from ingest.import_command import run

    if inspect:
        raise typer.Exit(_inspected(paths, format_name, mapping))
    raise typer.Exit(
        run(
            paths,
            format_name=format_name,
            mapping=mapping,
            source=source,
            virtual_key=virtual_key,
            dry_run=dry_run,
            resume=resume,
            as_json=as_json,
        )
    )


def _inspected(paths: list[str], format_name: str, mapping: str | None) -> int:
    from ingest import inspect_command

    if len(paths) != 1:
        raise typer.BadParameter("name one file to inspect", param_hint="PATH")
    return inspect_command.run(paths[0], format_name=format_name, mapping=mapping)


@app.command()
def sync(
    gateway: Annotated[str, typer.Argument(metavar="bifrost|litellm", help="Whose store it is.")],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="A path, sqlite:///PATH, postgresql://..., or http(s)://... of the log API."
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
    from ingest.sync_command import run

    raise typer.Exit(run(gateway, url, since=since, every=every, source=source, as_json=as_json))


@app.command()
def formats(
    name: Annotated[str | None, typer.Argument(help="Describe this one, with an example.")] = None,
) -> None:
    """List the formats that are read, or describe one."""
    from ingest.formats import FORMATS

    if name is not None:
        raise typer.Exit(_described(name))
    table = Table("format", "what it is", box=None, pad_edge=False)
    for one in FORMATS:
        table.add_row(one.name, one.title)
    out.print(table)


def _described(name: str) -> int:
    from rich.markdown import Markdown

    from ingest.formats import by_name
    from ingest.formats.reference import section_of
    from ingest.refusal import Refused

    try:
        section = section_of(by_name(name).name)
    except Refused as refused:
        err.print(f"tallybook: {refused.reason}", highlight=False, soft_wrap=True)
        return 2
    out.print(Markdown(section))
    return 0


@app.command()
def migrate() -> None:
    """Bring the ledger's tables to this version. An embedded ledger does this by itself."""
    from ingest.ledger import schema
    from ingest.ledger.engine import LedgerError, make_engine
    from ingest.settings import Settings

    engine = make_engine(Settings().database_url)
    try:
        changed = schema.migrate(engine)
    except schema.SchemaError as error:
        raise LedgerError(f"cannot migrate: {error}") from error
    out.print(
        f"{'migrated to' if changed else 'already at'} schema {schema.revisions()[-1]}", highlight=False
    )


@app.command()
def rollup(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make all rollups again, not only the dirty ones.")
    ] = False,
) -> None:
    """Make the rollups of slots that have changed. A server does this by itself."""
    from ingest.ledger import rollups

    with _ledger() as ledger, err.status("summing") as status:
        total = 0

        def heard(slots: int) -> None:
            nonlocal total
            total += slots
            status.update(f"summing: {total} slots")

        done = rollups.rebuild(ledger, heard) if rebuild else rollups.roll(ledger, heard)
    out.print(f"{done} slots summed", highlight=False)


@app.command()
def verify(as_json: Json = False) -> None:
    """Check the invariants on the ledger; exit 1 and say where one does not hold."""
    from ingest.ledger.verification import verify as check

    with _ledger() as ledger:
        findings = check(ledger)
    failed = any(one.level == "error" for one in findings)
    if as_json:
        details = [{"invariant": f.invariant, "level": f.level, "detail": f.detail} for f in findings]
        out.print_json(json.dumps({"ok": not failed, "findings": details}))
    else:
        for one in findings:
            out.print(f"{one.level}: {one.invariant}: {one.detail}", highlight=False, soft_wrap=True)
        out.print("an invariant does not hold" if failed else "all invariants hold", highlight=False)
    raise typer.Exit(1 if failed else 0)


@app.command()
def settings() -> None:
    """List every setting, its value and what it does."""
    from ingest.settings import Settings

    held = Settings()
    table = Table("setting", "value", "what it does", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        table.add_row(f"TALLYBOOK_{name.upper()}", _shown(getattr(held, name)), field.description or "")
    out.print(table)


def _shown(value: object) -> str:
    import sqlalchemy as sa
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, str) and "://" in value:
        return sa.make_url(value).render_as_string(hide_password=True)
    return "" if value is None else str(value)


def _ledger() -> "Ledger":
    from ingest.ledger.engine import open_ledger
    from ingest.settings import Settings

    return open_ledger(Settings())


rejected = typer.Typer(help="Records that could not become events.", no_args_is_help=True)
app.add_typer(rejected, name="rejected")


@rejected.command("list")
def rejected_list(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
) -> None:
    """Show the newest rejected records with their place and reason."""
    from ingest.rejected_command import show

    raise typer.Exit(show(limit))


@rejected.command("retry")
def rejected_retry(
    mapping: Annotated[
        str | None, typer.Option(metavar="FILE", help="The mended mapping of the table they came from.")
    ] = None,
) -> None:
    """Read the kept records again, for when a newer version or a mended mapping can."""
    from ingest.rejected_command import retry

    raise typer.Exit(retry(mapping))


directory = typer.Typer(help="Names of keys, teams and customers.", no_args_is_help=True)
app.add_typer(directory, name="directory")


@directory.command("import")
def directory_import(
    path: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Bifrost's config.json or config.db, LiteLLM's lists, or CSV."),
    ],
    as_json: Json = False,
) -> None:
    """Take names from a file; the same file again changes nothing, and names that were given stand."""
    from ingest.directory_command import run

    raise typer.Exit(run(path, as_json=as_json))


token = typer.Typer(help="Who may use the server.", no_args_is_help=True)
app.add_typer(token, name="token")


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How lists and the audit log call it.")],
    scopes: Annotated[
        list[str],
        typer.Option("--scope", help="What it may do: ingest, read, finance or admin; repeated for several."),
    ],
    teams: Annotated[
        list[str] | None,
        typer.Option("--team", metavar="TEAM", help="The only team that it reads; repeated for several."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends; never where not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an access token and show it, this once."""
    from ingest.token_command import create

    raise typer.Exit(create(name, scopes, teams or [], expires, as_json=as_json))


@token.command("list")
def token_list(as_json: Json = False) -> None:
    """List the tokens that were made, what they may do, and which stand."""
    from ingest.token_command import listed

    raise typer.Exit(listed(as_json=as_json))


@token.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A token of `tallybook token list`.")],
) -> None:
    """End a token, and the sessions of browsers that were begun with it."""
    from ingest.token_command import revoke

    raise typer.Exit(revoke(name))


app.add_typer(prices_cli.app)


@app.command()
def reprice(
    from_: CallsFrom = None,
    to: CallsTo = None,
    provider: Annotated[str | None, typer.Option(help="Calls of this provider.")] = None,
    model: Annotated[str | None, typer.Option(help="Calls of this model, as the call names it.")] = None,
    only_unpriced: Annotated[
        bool, typer.Option("--only-unpriced", help="Calls that have no price yet.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """Price calls again, each at its time by today's price book, and keep a record of what that changed."""
    from ingest.reprice_command import Asked, run

    raise typer.Exit(run(Asked(from_, to, provider, model, only_unpriced, dry_run, resume, as_json)))


@app.command()
def demo(
    events: Annotated[int, typer.Option(min=1, help="How many calls.")] = 40_000,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 90,
    seed: Annotated[int, typer.Option(help="The same seed makes the same ledger.")] = 1,
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; today where not given.")
    ] = None,
    path: Annotated[str, typer.Option(help="The file to make.")] = "demo.db",
) -> None:
    """Make a ledger of believable sample traffic."""
    from ingest.demo_command import run

    raise typer.Exit(run(events, days, seed, end, path))
