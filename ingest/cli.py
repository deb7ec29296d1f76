"""The command `tallybook` without the dashboard's commands, and the commands that belong to no capability.

Exit codes: 0 success, 1 failure, 2 wrong usage, 3 some records rejected.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingest import __version__
from ingest.access import cli as token_cli
from ingest.backup import cli as backup_cli
from ingest.directory import cli as owner_cli
from ingest.importing import cli as import_cli
from ingest.price_book import cli as prices_cli
from ingest.sync import cli as sync_cli
from ingest.terminal import Json, console

if TYPE_CHECKING:
    from ingest.ledger.schema import Migration

out = console()
err = console(stderr=True)


def make_cli() -> typer.Typer:
    """A new Typer app with the commands of `ingest`, to which `dashboard` adds its own."""
    app = typer.Typer(
        name="tallybook",
        help="An exact usage and cost ledger for LLM gateways.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(tallybook)
    app.command("import")(import_cli.import_)
    app.command()(sync_cli.sync)
    for command in (formats, migrate, rollup, verify, settings):
        app.command()(command)
    app.command()(backup_cli.backup)
    app.command()(backup_cli.restore)
    app.command()(prices_cli.reprice)
    app.add_typer(import_cli.rejected, name="rejected")
    app.add_typer(_extensible(owner_cli.directory), name="directory")
    app.add_typer(token_cli.token, name="token")
    app.add_typer(_extensible(prices_cli.prices), name="prices")
    app.add_typer(_extensible(owner_cli.owner), name="owner")
    app.add_typer(_extensible(owner_cli.team), name="team")
    app.add_typer(owner_cli.customer, name="customer")
    app.add_typer(owner_cli.cost_center, name="cost-center")
    app.add_typer(owner_cli.key, name="key")
    return app


def _extensible(commands: typer.Typer) -> typer.Typer:
    """A new group with these commands. Adding commands to it leaves `commands` unchanged."""
    group = typer.Typer(help=commands.info.help, no_args_is_help=True)
    group.add_typer(commands)
    return group


def _print_version(is_requested: bool) -> None:
    if is_requested:
        out.print(f"tallybook {__version__}", highlight=False)
        raise typer.Exit


def tallybook(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An exact usage and cost ledger for LLM gateways."""


def formats(
    name: Annotated[str | None, typer.Argument(help="Describe this one, with an example.")] = None,
) -> None:
    """List the formats that are read, or describe one."""
    from ingest.formats import FORMATS

    if name is not None:
        raise typer.Exit(_describe_format(name))
    table = Table("format", "what it is", box=None, pad_edge=False)
    for log_format in FORMATS:
        table.add_row(log_format.name, log_format.title)
    out.print(table)


def _describe_format(name: str) -> int:
    from rich.markdown import Markdown

    from ingest.formats import by_name
    from ingest.formats.docs import section_of
    from ingest.model.rejection import Refused

    try:
        section = section_of(by_name(name).name)
    except Refused as refused:
        err.print(f"tallybook: {refused.reason}", highlight=False, soft_wrap=True)
        return 2
    out.print(Markdown(section))
    return 0


def migrate(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="REVISION", help="Up or down to this schema, such as 0012."),
    ] = None,
    copy: Annotated[
        bool,
        typer.Option("--copy/--no-copy", help="Copy an embedded ledger beside its file before it changes."),
    ] = True,
) -> None:
    """Bring the ledger's tables to this version, or to another. An embedded ledger does the first by itself.

    Going down drops what only newer schemas keep, such as flags or hash chains. Calls and amounts stay.
    """
    from ingest.ledger import schema
    from ingest.ledger.engine import LedgerError, Purpose, close, open_engine, translated_errors
    from ingest.settings import Settings

    engine, lock = open_engine(Settings().database_url, Purpose.START if to is None else Purpose.ALONE)
    try:
        with translated_errors():
            migration = schema.migrate(engine, to, copy=copy)
    except (schema.SchemaError, OSError) as error:
        raise LedgerError(f"cannot migrate: {error}") from error
    finally:
        close(engine, lock)
    for line in _told(migration):
        out.print(line, highlight=False, soft_wrap=True)


def _told(migration: "Migration") -> Iterator[str]:
    if not migration.is_change:
        yield f"already at schema {migration.after}"
        return
    if migration.copied_to is not None:
        yield f"copied to {migration.copied_to} first"
    yield f"migrated to schema {migration.after}"
    if migration.before is not None and migration.after < migration.before:
        yield (
            "Use the release of Tallybook that has this schema now: "
            "this release brings an embedded ledger up again when it opens it."
        )


def rollup(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make all rollups again, not only the dirty ones.")
    ] = False,
) -> None:
    """Make the rollups of slots that have changed. A server does this by itself."""
    from ingest.ledger import rollups
    from ingest.ledger.engine import open_existing
    from ingest.settings import Settings

    with open_existing(Settings()) as ledger, err.status("summing") as status:
        total = 0

        def show_progress(slots: int) -> None:
            nonlocal total
            total += slots
            status.update(f"summing: {total} slots")

        done = rollups.rebuild(ledger, show_progress) if rebuild else rollups.roll(ledger, show_progress)
    out.print(f"{done} slots summed", highlight=False)


def verify(as_json: Json = False) -> None:
    """Check the invariants on the ledger; exit 1 and say where one does not hold."""
    from ingest.ledger.engine import open_to_read
    from ingest.ledger.verification import verify as check
    from ingest.settings import Settings

    with open_to_read(Settings()) as ledger:
        findings = check(ledger)
    failed = any(finding.level == "error" for finding in findings)
    if as_json:
        details = [{"invariant": f.invariant, "level": f.level, "detail": f.detail} for f in findings]
        out.print_json(json.dumps({"ok": not failed, "findings": details}))
    else:
        for finding in findings:
            text = f"{finding.level}: {finding.invariant}: {finding.detail}"
            out.print(text, highlight=False, soft_wrap=True)
        out.print("an invariant does not hold" if failed else "all invariants hold", highlight=False)
    raise typer.Exit(1 if failed else 0)


def settings() -> None:
    """List every setting, its value and what it does."""
    from ingest.settings import Settings

    current = Settings()
    table = Table("setting", "value", "what it does", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        table.add_row(
            f"TALLYBOOK_{name.upper()}", _value_text(getattr(current, name)), field.description or ""
        )
    out.print(table)


def _value_text(value: object) -> str:
    from pydantic import SecretStr

    from ingest.ledger.engine import without_password

    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, str) and "://" in value:
        return without_password(value)
    return "" if value is None else str(value)
