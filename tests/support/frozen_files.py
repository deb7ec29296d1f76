"""Makes `tests/frozen/`: what a user sees, as text, on a sample ledger, by a clock that stands still.

`python -m tests.support.frozen_files FOLDER` writes the files that need one process. The rest are made by
`tests/test_frozen.py`, which compares all of them. `make frozen` writes them anew.
"""

import json
import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.support.paths import ROOT, TESTS

FROZEN: Final = TESTS / "frozen"
NOW: Final = datetime(2026, 11, 3, 12, tzinfo=UTC)
"""When everything happens."""
_MICROS: Final = int(NOW.timestamp()) * 1_000_000
_PACKAGES: Final = ("ingest", "dashboard")


# What every machine says the same


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of a process whose output depends on no machine, person or terminal."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LOGNAME": "controller",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "100",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "TALLYBOOK_SECRET_KEY": "of the frozen files",
    }


class _Any(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class _Stopped(datetime, metaclass=_Any):
    """`datetime`, at whose `now` it is always `NOW`."""

    def __new__(cls, *values: Any, **named: Any) -> Any:
        return datetime(*values, **named)  # noqa: DTZ001 - as its caller says

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW.astimezone(tz)


def stop_the_clock() -> None:
    """Let it be `NOW` for all modules of ours."""
    time.time_ns = lambda: _MICROS * 1_000
    for package in map(import_module, _PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            found = import_module(module.name)
            if getattr(found, "datetime", None) is datetime:
                found.datetime = _Stopped  # type: ignore[attr-defined]


# The command line


def tallybook(*words: str) -> str:
    """What a command prints, behind its exit code where it is not 0."""
    from typer.testing import CliRunner

    from dashboard.cli import make_cli

    result = CliRunner().invoke(make_cli(), words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    code = f"exit {result.exit_code}\n" if result.exit_code else ""
    return code + result.output


def helps() -> str:
    """`--help` of every command and group."""
    from typer.main import get_command

    from dashboard.cli import make_cli

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, found in sorted(getattr(command, "commands", {}).items()):
            yield from walk(found, (*words, name))

    return "\n".join(_lines(tallybook(*words, "--help")) for words in walk(get_command(make_cli()), ()))


def _lines(printed: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines())


# The site and the database


def _document(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@cache
def _site() -> tuple[Any, Any]:
    """The API's description, and the dashboard's callbacks."""
    from starlette.testclient import TestClient

    from dashboard.server.site import make_site
    from ingest.ledger.engine import open_ledger
    from ingest.settings import Settings

    settings = Settings(database_url="sqlite:///site.db")
    ledger = open_ledger(settings)
    with TestClient(make_site(ledger, settings), base_url="http://127.0.0.1") as client:
        described = client.get("/openapi.json").json()
        callbacks = client.get("/dashboard/_dash-dependencies").json()
    ledger.close()
    return described, sorted(one["output"] for one in callbacks)


def parts() -> str:
    """The parts of pages that a browser asks for by name."""
    from dashboard.pages import PARTS

    return _document(sorted(PARTS))


def ddl_of_sqlite() -> str:
    """The schema of a migrated ledger on SQLite."""
    import sqlalchemy as sa

    from ingest.ledger import schema
    from ingest.ledger.engine import make_engine

    engine = make_engine("sqlite:///schema.db")
    schema.migrate(engine)
    wanted = sa.text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name")
    with engine.connect() as connection:
        statements = connection.execute(wanted).scalars().all()
    return "".join(f"{one};\n\n" for one in statements)


_POSTGRESQL: Final = (
    """SELECT c.relname, format('%s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
              coalesce(' ' || CASE WHEN a.attidentity <> '' THEN 'IDENTITY ' || a.attidentity::text END,
                       ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''))
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
       WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace
       ORDER BY c.relname, a.attnum""",
    """SELECT conrelid::regclass::text, format('CONSTRAINT %s %s', conname, pg_get_constraintdef(oid))
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0
       ORDER BY conname""",
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
    """SELECT viewname, pg_get_viewdef(format('%I', viewname)::regclass) FROM pg_views
       WHERE schemaname = 'public' ORDER BY viewname""",
    """SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
       ORDER BY tgname""",
)
"""A table and a line about it each: columns, constraints, indexes, views, triggers."""


def ddl_of_postgresql(engine: Any) -> str:
    """The schema of a migrated ledger on PostgreSQL."""
    import sqlalchemy as sa

    tables: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for query in _POSTGRESQL:
            for table, line in connection.execute(sa.text(query)):
                tables.setdefault(table, []).append(line)
    return "".join(
        f"{table}\n" + "".join(f"    {line}\n" for line in tables[table]) for table in sorted(tables)
    )


# Formats and packages


def event_hashes() -> str:
    """The event ids and the content hashes of each sample of a format, or why it is refused."""
    from ingest.framing import RawRecord
    from ingest.intake.decode import Context
    from ingest.intake.intake import Intake, make_decoder
    from ingest.ledger.engine import open_ledger
    from ingest.settings import Settings
    from tests.support.samples import SAMPLES, named, record

    ledger = open_ledger(Settings(database_url="sqlite:///formats.db"))
    decoder = make_decoder(ledger)
    about = Context(channel="http", received_at=_MICROS)
    found = {}
    for path in SAMPLES:
        records = [RawRecord(0, 1, record(path))]
        with Intake(ledger, decoder, about) as intake:
            receipt = intake.accept(records)
        batch = decoder.decode(records, about)
        found[named(path)] = {
            "event_ids": receipt.event_ids,
            "content_hashes": [entry.content_hash.hex() for entry in batch.entries],
            "refused": [one.code for one in batch.rejections],
        }
    ledger.close()
    return _document(found)


def modules(home: Path) -> str:
    """How many modules beside Python's own `tallybook --help` loads, and their packages."""
    program = (
        "import sys\nfrom dashboard.cli import main\nsys.argv = ['tallybook', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "names = [(name.partition('.')[0], name) for name in sys.modules if not name.startswith('_')]\n"
        "tops = [top for top, _ in names if top not in sys.stdlib_module_names]\n"
        "print(len(tops), *sorted(set(tops)), sep='\\n', file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=clean_environment(home), cwd=home, check=True, capture_output=True, text=True
    ).stderr


IN_ONE_PROCESS: Final = (
    *("settings.txt", "help.txt", "openapi.json"),
    *("callbacks.json", "parts.json", "ddl_sqlite.sql", "event_hashes.json"),
)


def main(folder: Path) -> None:
    """Write the files that one process makes; its ledgers are left in the working folder."""
    settings = _lines(tallybook("settings"))
    stop_the_clock()
    made: dict[str, Callable[[], str]] = {
        "settings.txt": lambda: settings,
        "help.txt": helps,
        "openapi.json": lambda: _document(_site()[0]),
        "callbacks.json": lambda: _document(_site()[1]),
        "parts.json": parts,
        "ddl_sqlite.sql": ddl_of_sqlite,
        "event_hashes.json": event_hashes,
    }
    for name, make in made.items():
        (folder / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
