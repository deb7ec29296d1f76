"""The command of the write side: its tree, and the commands that belong to no capability.

Each command returns its exit code: 0 all well, 1 failure, 2 wrong usage, 3 some rejected.
"""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingest import __version__
from ingest.access import cli as token_cli
from ingest.directory import cli as owner_cli
from ingest.importing import cli as import_cli
from ingest.price_book import cli as prices_cli
from ingest.sync import cli as sync_cli
from ingest.terminal import Json

if TYPE_CHECKING:
    from ingest.ledger.engine import Ledger

out = Console()
err = Console(stderr=True)


def make_cli() -> typer.Typer:
    """A new tree with the commands of the write side, to which the read side adds its own."""
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
    app.command()(prices_cli.reprice)
    app.add_typer(import_cli.rejected, name="rejected")
    app.add_typer(_open(owner_cli.directory), name="directory")
    app.add_typer(token_cli.token, name="token")
    app.add_typer(_open(prices_cli.prices), name="prices")
    app.add_typer(_open(owner_cli.owner), name="owner")
    app.add_typer(_open(owner_cli.team), name="team")
    app.add_typer(owner_cli.customer, name="customer")
    app.add_typer(owner_cli.cost_center, name="cost-center")
    app.add_typer(owner_cli.key, name="key")
    return app


def _open(commands: typer.Typer) -> typer.Typer:
    """A new group with these commands, to which others can be added while `commands` stays as it is."""
    group = typer.Typer(help=commands.info.help, no_args_is_help=True)
    group.add_typer(commands)
    return group


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"tallybook {__version__}", highlight=False)
        raise typer.Exit


def tallybook(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An exact usage and cost ledger for LLM gateways."""


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
    from ingest.formats.docs import section_of
    from ingest.model.rejection import Refused

    try:
        section = section_of(by_name(name).name)
    except Refused as refused:
        err.print(f"tallybook: {refused.reason}", highlight=False, soft_wrap=True)
        return 2
    out.print(Markdown(section))
    return 0


def migrate() -> None:
    """Bring the ledger's tables to this version. An embedded ledger does this by itself."""
    from ingest.ledger import schema
    from ingest.ledger.engine import LedgerError, make_engine, translated_errors
    from ingest.settings import Settings

    engine = make_engine(Settings().database_url)
    try:
        with translated_errors():
            changed = schema.migrate(engine)
    except schema.SchemaError as error:
        raise LedgerError(f"cannot migrate: {error}") from error
    out.print(
        f"{'migrated to' if changed else 'already at'} schema {schema.revisions()[-1]}", highlight=False
    )


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
