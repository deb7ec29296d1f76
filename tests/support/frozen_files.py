"""Makes `tests/frozen/`: what a user sees, as text, on a sample ledger, by a clock that stands still.

`python -m tests.support.frozen_files FOLDER` writes the files that need one process. The rest are made by
`tests/test_frozen.py`, which compares all of them. `make frozen` writes them anew.
"""

import csv
import hashlib
import io
import json
import os
import pkgutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.support.paths import ROOT, TESTS

FROZEN: Final = TESTS / "frozen"
NOW: Final = datetime(2026, 11, 3, 12, tzinfo=UTC)
"""When everything happens."""
DEMO: Final = ("demo", "--events", "2000", "--days", "70", "--seed", "7", "--end", "2026-11-01")
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


def tallybook(*words: str, into: Path | None = None) -> bytes:
    """What a command prints, with its exit code where it is not 0; of a file that it writes, the file."""
    from typer.testing import CliRunner

    from dashboard.cli import make_cli

    result = CliRunner().invoke(make_cli(), words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    code = f"exit {result.exit_code}\n".encode() if result.exit_code else b""
    return code + (into.read_bytes() if into is not None else result.output.encode())


def helps() -> str:
    """`--help` of every command and group."""
    from typer.main import get_command

    from dashboard.cli import make_cli

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, found in sorted(getattr(command, "commands", {}).items()):
            yield from walk(found, (*words, name))

    return "\n".join(_lines(tallybook(*words, "--help")) for words in walk(get_command(make_cli()), ()))


def _lines(printed: bytes) -> str:
    return "".join(f"{line.rstrip()}\n" for line in printed.decode().strip("\n").splitlines())


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


def contracts() -> str:
    """The names of the rules about which package may import which."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return "".join(f"{rule['name']}\n" for rule in rules)


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


# What reports and questions answer


def outputs(folder: Path) -> str:
    """The SHA-256 of what each command prints or writes; the texts themselves are left in `folder`."""
    folder.mkdir()
    found = {}
    for name, text in _printed():
        (folder / name.replace("/", "_")).write_bytes(text)
        found[name] = hashlib.sha256(text).hexdigest()
    return json.dumps(found, indent=1) + "\n"


_RATES: Final = "date,base,quote,rate\n" + "".join(
    f"2026-10-{day:02},USD,EUR,0.{900 - day}\n" for day in range(1, 32, 6)
)
_OCTOBER: Final = ("--from", "2026-10-01", "--to", "2026-11-01")
_BOOKS: Final = (
    "rates import rates.csv --json",
    "rates set EUR USD 1.2 --date 2026-10-10",
    "prices set openai gpt-5.4 input=2 output=9 --from 2026-10-15 --note contract",
    "prices discount anthropic 12% --from 2026-11-02",
    "prices markup all 3% --team team-search --from 2026-11-02",
    "prices alias */in-house-7b mistral/mistral-large-4",
    "owner set --project atlas --team team-search=60 --team team-research=40 --from 2026-10-01",
    "customer add acme",
    "cost-center add CC-7",
    "owner set --for-team team-search --customer acme --from 2026-10-01 --json",
    "owner set --for-team team-search --cost-center CC-7 --from 2026-10-01",
    "fees add Seats 30 --from 2026-10-01 --kind subscription --provider openai",
    "fees add Refund 5 --kind credit",
    "fees add --from 2026-10-01 --kind credit --team team-research Refund -- -5",
    "budget set Search 9 --team team-search --threshold 50,100",
    "allocate set unassigned --by even",
    "alert add Unpriced --when unpriced --above 1%",
    "token create reader --scope read --team team-search",
    "reconcile --period 2026-10 --threshold 0.01% --accept rounding --team team-research",
    "period close 2026-08 --accept early",
    "period close 2026-09 --accept early",
    "reprice --only-unpriced --json",
    "rollup",
)
"""What finance writes, before anything is asked."""
_ASKED: Final = (
    *(f"spend --by {by} --json" for by in ("", "team", "model", "virtual_key", "time", "team,provider")),
    "spend --by time --interval week --metric total_cost,requests --csv",
    "spend --by team,model --csv",
    "spend --by model --metric latency_p50,latency_p95,latency_p99,requests --json",
    "spend --by customer,cost_center --json",
    "spend --by team --currency EUR --json",
    "spend --by model --currency EUR --csv",
    "spend --by team --currency JPY",
    "spend --by team --where provider=openai --limit 2",
    "prices list --provider openai --json",
    "prices list --provider openai --history --json",
    "prices list --provider mistral --conflicts --csv",
    "prices list --unpriced --json",
    "prices list --provider openai --limit 5",
    "prices show openai gpt-5.4 --json",
    "prices show openai gpt-5.4",
    "prices terms --json",
    "prices variance --json",
    "prices variance --csv",
    "budget list --json",
    "alert list --json",
    "alert check",
    "alert history --json",
    "fees list --json",
    "rates list --json",
    "allocate list --json",
    "invoice list --json",
    "reconcile --period 2026-09 --json",
    "reconcile --period 2026-10 --by model --csv",
    "owner list --json",
    "owner unassigned --json",
    "team list --json",
    "team list",
    "directory export",
    "period list --json",
    "period show 2026-09 --json",
    "period show 2026-10 --json",
    "whatif --from-model claude-sonnet-5-5 --to-model gpt-5.4 --json",
    "whatif --tier batch --by day --csv",
    "report schedules --json",
    "token list --json",
    "formats",
    "verify --json",
    "audit --limit 500 --json",
)
_PERIODIC: Final = (
    "spend",
    "whatif",
    "prices variance",
    "prices list --unpriced",
    "team list",
    "owner unassigned",
)
"""What is asked of October."""


def _printed() -> Iterator[tuple[str, bytes]]:
    Path("rates.csv").write_text(_RATES)
    yield "demo", tallybook(*DEMO, "--path", "tallybook.db")
    for line in _BOOKS:
        yield line, _masked(tallybook(*line.split()))
    for line in _ASKED:
        asked = (*line.split(" "), *(_OCTOBER if line.startswith(_PERIODIC) else ()))
        yield line, tallybook(*asked)
    for event in _some_events():
        yield f"prices explain {event} --json", tallybook("prices", "explain", event, "--json")
    yield from _reports()


def _masked(text: bytes) -> bytes:
    """A text without the one thing in it that is random: an access token."""
    return b"".join(line for line in text.splitlines(keepends=True) if b"tb_" not in line)


def _some_events() -> Iterable[str]:
    """One event of each kind of price."""
    import sqlalchemy as sa

    from ingest.ledger.engine import open_ledger
    from ingest.ledger.tables.calls import usage_event
    from ingest.settings import Settings

    ledger = open_ledger(Settings())
    c = usage_event.c
    with ledger.reading() as connection:
        ids = sa.select(sa.func.min(c.source_event_id)).group_by(c.cost_source_id, c.provider_id)
        found = sorted(connection.execute(ids).scalars())
    ledger.close()
    return found


def _reports() -> Iterator[tuple[str, bytes]]:
    as_text: dict[str, Callable[[bytes], bytes]] = {"xlsx": _cells, "pdf": _pages}
    for period in ("2026-09", "2026-10", "2026-Q4"):
        for form in ("json", "csv", "xlsx", "pdf"):
            file = Path(f"report.{form}")
            name = f"report chargeback --period {period} --out {file}"
            yield name, as_text.get(form, bytes)(tallybook(*name.split(), into=file))
    for by in ("customer", "cost_center"):
        name = f"report chargeback --period 2026-10 --by {by} --format json"
        yield name, tallybook(*name.split())
    for profile in ("chargeback", "provider"):
        for version in ("1.4", "1.2"):
            folder = Path(f"focus-{profile}-{version}")
            folder.mkdir()
            name = f"export focus --profile {profile} --focus-version {version} --period 2026-10"
            yield name, tallybook(*name.split(), "--out", str(folder / "focus.csv"))
            for file in sorted(folder.iterdir()):
                yield f"{name}: {file.name}", file.read_bytes()


def _cells(workbook: bytes) -> bytes:
    from openpyxl import load_workbook

    written = io.StringIO()
    rows = csv.writer(written)
    for sheet in load_workbook(io.BytesIO(workbook)):
        rows.writerow([sheet.title])
        rows.writerows([[cell.value, cell.number_format] for cell in row] for row in sheet.iter_rows())
    return written.getvalue().encode()


def _pages(document: bytes) -> bytes:
    import pypdfium2

    return "\f".join(
        page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(document)
    ).encode()


IN_ONE_PROCESS: Final = (
    *("settings.txt", "help.txt", "contracts.txt", "outputs.json", "openapi.json"),
    *("callbacks.json", "parts.json", "ddl_sqlite.sql", "event_hashes.json"),
)


def main(folder: Path) -> None:
    """Write the files that one process makes; its ledgers are left in the working folder."""
    settings = _lines(tallybook("settings"))
    stop_the_clock()
    made: dict[str, Callable[[], str]] = {
        "settings.txt": lambda: settings,
        "help.txt": helps,
        "contracts.txt": contracts,
        "outputs.json": lambda: outputs(folder / "outputs"),
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
