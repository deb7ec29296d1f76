"""`tallybook directory import`: names from a gateway's configuration or a table.

A key is one key under all its idents.
"""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dashboard.directory import names
from dashboard.query.question import Period, QuestionText, SpendQuery, parse
from dashboard.query.run import run
from dashboard.query.serialize import as_json
from ingest.directory import lists
from ingest.directory.lists import NotAList
from ingest.directory.service import GIVE_WAY_SECONDS, import_list, rename_entry
from ingest.ledger import directory, ownership, rollups
from ingest.ledger.directory import DirectoryEntry, ImportCounts, Link
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import directory as entries
from ingest.ledger.verification import verify
from ingest.model.zone import instant
from ingest.pricing.book import Book
from tests.support.import_runs import response
from tests.support.ledgers import put_records
from tests.support.process import Tallybook

NOW = 1_790_000_000_000_000
KEY = "sk-bf-0123456789abcdef"
CONFIG = {
    "providers": {"openai": {"keys": [{"value": "sk-PROVIDER-SECRET-0123456789"}]}},
    "governance": {
        "customers": [{"id": "c-1", "name": "Acme"}],
        "teams": [{"id": "t-1", "name": "Search", "customer_id": "c-1"}],
        "virtual_keys": [
            {"id": "vk-1", "name": "Nightly", "value": KEY, "team_id": "t-1"},
            {"id": "vk-2", "name": "Web", "value": "env.WEB_KEY"},
        ],
    },
}


def enter(ledger: Ledger, path: Path) -> tuple[int, int, int]:
    entered = directory.enter(ledger, lists.read(path, ledger.keyring).entries, NOW)
    return entered.added, entered.changed, entered.unchanged


def config(folder: Path, held: Any = CONFIG) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(held))
    return path


def config_db(folder: Path, *, hashed: bool) -> Path:
    path = folder / "config.db"
    held = sqlite3.connect(path)
    last = "value_hash text, encryption_status text" if hashed else "config_hash text"
    held.execute(f"CREATE TABLE governance_virtual_keys (id text PRIMARY KEY, name text, value text, {last})")
    held.execute("CREATE TABLE governance_teams (id text PRIMARY KEY, name text, customer_id text)")
    held.execute("CREATE TABLE governance_customers (id text PRIMARY KEY, name text)")
    held.execute("INSERT INTO governance_teams VALUES ('t-1', 'Search', 'c-1')")
    held.execute("INSERT INTO governance_customers VALUES ('c-1', 'Acme')")
    if hashed:
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        row = ("vk-1", "Nightly", "ENCRYPTED", digest, "encrypted")
        held.execute("INSERT INTO governance_virtual_keys VALUES (?, ?, ?, ?, ?)", row)
    else:
        held.execute("INSERT INTO governance_virtual_keys VALUES (?, ?, ?, ?)", ("vk-1", "Nightly", KEY, ""))
    held.commit()
    held.close()
    return path


def shown(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(entries.c.kind, entries.c.name).order_by("kind", "name"))
        return [(row.kind, row.name) for row in rows]


def by_value(ledger: Ledger, book: Book, n: int) -> None:
    """A call as a live response with its key's value beside it."""
    record = {
        "id": f"chatcmpl-{n:07d}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "gpt-4o-mini",
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        "extra_fields": {
            "request_type": "chat_completion",
            "provider": "openai",
            "latency": 500,
            "chunk_index": 0,
        },
    }
    put_records(ledger, book, (json.dumps(record).encode(),), virtual_key=KEY)


def by_id(ledger: Ledger, book: Book, n: int) -> None:
    """A call as a row of the gateway's log with its key's id."""
    record = {
        "id": f"req-{n}",
        "timestamp": "2026-09-21T14:13:20Z",
        "object_type": "chat_completion",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "virtual_key_id": "vk-1",
        "virtual_key_name": "Nightly",
        "cost": 0.001,
        "status": "success",
    }
    put_records(ledger, book, (json.dumps(record).encode(),))


def requests(ledger: Ledger, *where: str) -> dict[str | None, int]:
    question = QuestionText(by=("virtual_key",), where=where, start="2026-09-01", end="2026-10-01")
    rows = as_json(run(ledger, parse(question, ledger.zone, instant(NOW))))["rows"]
    assert isinstance(rows, list)
    return {row["virtual_key"]: row["requests"] for row in rows}


def test_names_of_a_configuration_are_entered_once(ledger: Ledger, tmp_path: Path) -> None:
    assert enter(ledger, config(tmp_path)) == (4, 0, 0)
    assert enter(ledger, config(tmp_path)) == (0, 0, 4)
    assert shown(ledger) == [
        ("customer", "Acme"),
        ("team", "Search"),
        ("virtual_key", "Nightly"),
        ("virtual_key", "Web"),
    ]


def test_a_changed_name_is_followed_and_a_given_one_stands(ledger: Ledger, tmp_path: Path) -> None:
    enter(ledger, config(tmp_path))
    entry = names.by_name(ledger, "virtual_key")["Nightly"].entry_id
    rename_entry(ledger, entry, "Mine", by="ann", at=0)
    renamed = json.loads(json.dumps(CONFIG).replace("Nightly", "Daily"))
    assert enter(ledger, config(tmp_path, renamed)) == (0, 1, 3)
    person = names.by_name(ledger, "virtual_key")["Mine"]
    assert (person.name, person.given_name) == ("Daily", "Mine")


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_key_met_by_its_value_and_by_its_id_is_one_key(
    ledger: Ledger, book: Book, tmp_path: Path, when: str
) -> None:
    if when == "before":
        enter(ledger, config(tmp_path))
    by_value(ledger, book, 1)
    if when == "between":
        rollups.roll(ledger)
        enter(ledger, config(tmp_path))
    by_id(ledger, book, 1)
    rollups.roll(ledger)
    if when == "after":
        enter(ledger, config(tmp_path))
    by_value(ledger, book, 2)
    assert requests(ledger) == {"Nightly": 3}
    assert requests(ledger, f"virtual_key={KEY}") == {"Nightly": 3}, "its owner finds all of it by the key"
    rollups.roll(ledger)
    assert requests(ledger) == {"Nightly": 3}
    assert [one.level for one in verify(ledger)] == ["warning"], (
        "a response and a row of one key may be one call"
    )


def test_a_name_given_to_the_hash_goes_over_to_the_key(ledger: Ledger, book: Book, tmp_path: Path) -> None:
    by_value(ledger, book, 1)
    with ledger.reading() as connection:
        entry = connection.execute(sa.select(entries.c.entry_id)).scalar_one()
    rename_entry(ledger, entry, "Mine", by="ann", at=0)
    enter(ledger, config(tmp_path))
    assert requests(ledger) == {"Mine": 1}


def test_a_key_that_was_changed_is_met_under_both_values(ledger: Ledger, book: Book, tmp_path: Path) -> None:
    enter(ledger, config(tmp_path))
    turned = json.loads(json.dumps(CONFIG).replace(KEY, "sk-bf-another-key-9999"))
    assert enter(ledger, config(tmp_path, turned)) == (0, 1, 3)
    by_value(ledger, book, 1)
    assert requests(ledger) == {"Nightly": 1}


@pytest.mark.parametrize("hashed", [True, False])
def test_a_configuration_database_is_read_while_values_are_encrypted_or_not(
    ledger: Ledger, book: Book, tmp_path: Path, hashed: bool
) -> None:
    path = config_db(tmp_path, hashed=hashed)
    before = path.read_bytes()
    assert enter(ledger, path) == (3, 0, 0)
    assert enter(ledger, path) == (0, 0, 3)
    by_value(ledger, book, 1)
    assert requests(ledger) == {"Nightly": 1}
    assert path.read_bytes() == before


@pytest.mark.parametrize("mark", [",", ";"])
def test_a_table_of_ones_own_is_read(ledger: Ledger, book: Book, tmp_path: Path, mark: str) -> None:
    by_value(ledger, book, 1)
    digest = hashlib.sha256(KEY.encode()).hexdigest().upper()
    lines = [
        "Id,Name,Kind,Key hash,Floor",
        f"vk-1,Nightly,,{digest},3",
        "t-1,Search,team,,",
        "",
        "c-1,Acme,customer,,",
    ]
    path = tmp_path / "names.csv"
    path.write_text("\ufeff" + "\r\n".join(lines).replace(",", mark), encoding="utf-8")
    read = lists.read(path, ledger.keyring)
    assert (read.ignored, read.faults) == (("floor",), [])
    assert enter(ledger, path) == (3, 0, 0)
    assert enter(ledger, path) == (0, 0, 3)
    assert requests(ledger) == {"Nightly": 1}


def test_rows_that_cannot_be_entries_are_told_with_their_line(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text(f"id,name,kind,key_hash\n,No id,,\nx,{'x' * 200},,\ny,Y,planet,\nz,Z,,abc\nok,Fine,,\n")
    read = lists.read(path, embedded.keyring)
    assert [(one.line, one.code) for one in read.faults] == [
        (2, "bad_id"),
        (3, "bad_name"),
        (4, "unknown_kind"),
        (5, "bad_id"),
    ]
    assert [one.ident for one in read.entries] == ["ok"]


def test_a_table_may_name_a_key_by_its_value(ledger: Ledger, book: Book, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text(f"id,name\n{KEY},Nightly\n")
    assert enter(ledger, path) == (1, 0, 0)
    by_value(ledger, book, 1)
    assert requests(ledger) == {"Nightly": 1}
    assert verify(ledger) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", "{}", "config.db"),
        ("config.json", "{", "not Bifrost's config.json"),
        ("names.csv", "name,team\na,b\n", "a column id"),
        ("odd.bin", "\0\1", "a column id"),
    ],
)
def test_a_file_without_a_list_is_explained(
    embedded: Ledger, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(NotAList, match=said):
        lists.read(tmp_path / name, embedded.keyring)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (id text)")
    with pytest.raises(NotAList, match="not Bifrost's config"):
        lists.read(tmp_path / "other.db", embedded.keyring)


ODD_LISTS = {
    "nested.json": b"[" * 50_000,
    "nested-object.json": b'{"governance":' * 50_000,
    "number.json": b'{"governance":{"virtual_keys":1e999999999999999999999}}',
    "nan.json": b'[{"key_name":NaN}]',
    "surrogate.json": b'[{"key_alias":"\\ud800","token":"x"}]',
    "utf16.csv": "id,name\na,b\n".encode("utf-16"),
    "zeros.json": b"\0" * 100,
    "damaged.db": b"SQLite format 3\0" + b"\xff" * 5_000,
}


@pytest.mark.parametrize("name", ODD_LISTS)
def test_an_odd_list_is_refused_with_words(embedded: Ledger, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(ODD_LISTS[name])
    with pytest.raises(NotAList, match=name):
        lists.read(path, embedded.keyring)


@pytest.mark.parametrize(
    "row", ["a,b,search,1e999999", "a,b,search,NaN", "a\0,b,search,1", "a,b,search,-Infinity"]
)
def test_an_odd_row_of_a_list_costs_no_other_row(embedded: Ledger, tmp_path: Path, row: str) -> None:
    path = tmp_path / "keys.csv"
    path.write_text(f"id,name,team,share,from\n{row},2026-10-01\nvk-1,Web,search,1,2026-10-01\n")
    listing = lists.read(path, embedded.keyring)
    assert [one.ident for one in listing.entries] == ["vk-1"]
    assert [one.line for one in listing.faults] == [2]


def test_an_odd_entry_of_a_gateways_list_costs_no_other(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "teams.json"
    teams = [
        {"team_id": ""},
        {"team_id": "t-1", "organization_id": "a\0b"},
        {"team_id": "t-2", "organization_id": "o" * 1_000},
        {"team_id": "t-3", "team_alias": "Search"},
    ]
    path.write_text(json.dumps(teams))
    listing = lists.read(path, embedded.keyring)
    assert [one.ident for one in listing.entries] == ["t-3"]
    assert [(one.line, one.code) for one in listing.faults] == [(1, "bad_id"), (2, "bad_id"), (3, "bad_id")]


def test_a_long_list_is_entered(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("id,name\n" + "".join(f"vk-{n},Key {n}\n" for n in range(1_234)))
    assert enter(embedded, path) == (1_234, 0, 0)
    assert enter(embedded, path) == (0, 0, 1_234)


def test_the_command_says_what_it_did_and_keeps_no_key(tmp_path: Path) -> None:
    tallybook = Tallybook(tmp_path)
    config(tmp_path)
    code, out, err = tallybook.run("directory", "import", "config.json", "--json")
    told = json.loads(out)
    assert (code, told["added"], told["changed"], told["unchanged"]) == (0, 4, 0, 0)
    code, again, _ = tallybook.run("directory", "import", "config.json")
    assert (code, again) == (0, "config.json: 0 added, 0 changed, 4 unchanged\n")
    assert tallybook.run("directory", "import", "nowhere.csv")[0] == 2
    secrets = (KEY, "PROVIDER-SECRET")
    assert not any(secret in out + err + again for secret in secrets)
    for file in tmp_path.glob("ledger.db*"):
        assert not any(secret.encode() in file.read_bytes() for secret in secrets)


def test_entered_counts_add_up() -> None:
    total = ImportCounts(1, 2, 3)
    total.add(ImportCounts(1, 1, 1))
    assert total == ImportCounts(2, 3, 4)


LITELLM_KEY = "sk-1234567890abcdefghij"
LITELLM = {
    "keys": [
        {
            "token": hashlib.sha256(LITELLM_KEY.encode()).hexdigest(),
            "key_name": "sk-...ghij",
            "key_alias": "Nightly",
            "team_id": "t-1",
            "organization_id": "o-1",
            "spend": 1.5,
        },
        {"token": "no digest", "key_alias": "broken"},
    ],
    "total_count": 2,
    "teams": [{"team_id": "t-1", "team_alias": "Search", "organization_id": "o-1", "models": []}],
    "organizations": [{"organization_id": "o-1", "organization_alias": "Acme"}],
}


@pytest.mark.parametrize("whole", [True, False], ids=["in one object", "a list alone"])
def test_litellm_lists_keys_by_their_hash_with_teams_and_organizations(
    ledger: Ledger, tmp_path: Path, whole: bool
) -> None:
    held = LITELLM if whole else [*LITELLM["organizations"], *LITELLM["teams"], *LITELLM["keys"]]  # type: ignore[misc]
    read = lists.read(config(tmp_path, held), ledger.keyring)
    assert read.form == "litellm-list"
    assert [
        (one.kind, one.name, [(link.kind, link.target) for link in one.links]) for one in read.entries
    ] == [
        ("customer", "Acme", []),
        ("team", "Search", [("customer", "o-1")]),
        ("virtual_key", "Nightly", [("team", "t-1")]),
    ]
    assert read.entries[2].ident == ledger.keyring.conceal(LITELLM_KEY).ident
    assert [one.code for one in read.faults] == ["bad_id"]


def test_json_that_lists_nothing_says_what_is_read(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(NotAList, match="/key/list"):
        lists.read(config(tmp_path, [{"x": 1}]), ledger.keyring)


def a_list(ledger: Ledger, keys: int, teams: int) -> list[DirectoryEntry]:
    """Keys with the hash of their values, and after them the teams, which the keys name by their names."""
    return [
        *(
            DirectoryEntry(
                "virtual_key",
                f"vk-{n}",
                f"Key {n}",
                aliases=(ledger.keyring.conceal(f"sk-bf-{n:012}").ident,),
                links=(Link("team", f"Team {n % teams}"),),
            )
            for n in range(keys)
        ),
        *(
            DirectoryEntry("team", f"t-{n}", f"Team {n}", links=(Link("customer", f"c-{n % 3}"),))
            for n in range(teams)
        ),
    ]


def by_team(ledger: Ledger) -> dict[str, int]:
    """The calls of each team that the directory names."""
    query = SpendQuery(
        period=Period(instant(0), instant(2 * NOW)),
        zone=ledger.zone.name,
        metrics=("requests",),
        dimensions=("team",),
    )
    return {str(row.key[0]): int(row.values[0] or 0) for row in run(ledger, query).rows}


def test_a_long_list_is_committed_in_short_transactions_with_owners(embedded: Ledger, book: Book) -> None:
    """Keys that were met by their values are merged, however long the list is and in whatever order."""
    records = tuple(
        json.dumps({"virtual_key": f"sk-bf-{n:012}", "response": response(n)}).encode() for n in range(1_200)
    )
    put_records(embedded, book, records)
    statements: list[int] = []
    sa.event.listen(embedded.engine, "begin", lambda _connection: statements.append(0))
    sa.event.listen(embedded.engine, "after_cursor_execute", lambda *_: _count(statements))
    listed = a_list(embedded, 1_200, 8)
    pauses: list[float] = []
    imported = import_list(embedded, listed, by="ann", at=NOW, pause=pauses.append)
    assert (imported.entered.added, imported.owners) == (1_208, 1_208)
    assert len(statements) == 3
    assert pauses == [GIVE_WAY_SECONDS] * 2, "others write between two transactions"
    assert max(statements) < 500 + 70, (
        "a statement for each new entry; look-ups, merges and owners share them"
    )
    again = import_list(embedded, listed, by="ann", at=NOW)
    assert (again.entered.unchanged, again.owners) == (1_208, 0)
    assert by_team(embedded) == {f"Team {n}": 150 for n in range(8)}
    assert verify(embedded) == []


def _count(statements: list[int]) -> None:
    if statements:
        statements[-1] += 1


def test_an_import_that_is_killed_between_chunks_is_completed_by_the_next(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry of a chunk that was committed has its owners."""
    listed = a_list(embedded, 1_200, 8)
    real, left = directory.enter_some, [2]

    def dies(*arguments: Any) -> ImportCounts:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(directory, "enter_some", dies)
    with pytest.raises(KeyboardInterrupt):
        import_list(embedded, listed, by="ann", at=NOW)
    with embedded.reading() as connection:
        entered = connection.execute(sa.select(sa.func.count()).select_from(entries)).scalar_one()
        owned_by_somebody = len({one.subject for one in ownership.assignments(connection)})
    assert entered - 3 == owned_by_somebody, "all but the customers, which the teams name"
    monkeypatch.undo()
    import_list(embedded, listed, by="ann", at=NOW)
    with embedded.reading() as connection:
        assert len({one.subject for one in ownership.assignments(connection)}) == 1_208
    assert verify(embedded) == []
