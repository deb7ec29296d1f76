"""Hash chains: closings, adjustments and audit entries cannot be changed, added or removed unseen."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ingest.ledger import audit, chain, periods, schema
from ingest.ledger.audit import audit_entry
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables.calls import ledger_property
from ingest.ledger.tables.periods import adjustment, period_event
from ingest.ledger.verification import verify
from ingest.model.ownership import NOBODY
from ingest.settings import Settings

ROWS_BEFORE = Path(__file__).with_name("rows_before_chains.json")
"""Closings, adjustments and audit entries as the program before chains wrote them."""
BEFORE = schema.revisions()[schema.revisions().index("0018") - 1]
"""The schema before chains."""
TABLES = (period_event, adjustment, audit_entry)


def fill(ledger: Ledger) -> None:
    """Three closings (one of them after a reopening), three adjustments and three audit entries."""
    with ledger.writing() as connection:
        for number in (1, 2, 3):
            booked = periods.Adjustment(
                period="2026-12",
                cause="credit",
                owner=NOBODY,
                currency="USD",
                amount=-number,
                reason="goodwill",
                recorded_at=number,
                recorded_by="ann",
            )
            periods.book(connection, booked)
            note(connection, f"key {number}")
        periods.close(connection, "2026-10", {"total": "1"}, at=4, by="ann", reason="")
        periods.close(connection, "2026-11", {"total": "2"}, at=5, by="ann", reason="fine")
        periods.reopen(connection, "2026-10", at=6, by="bob", reason="a mistake")
        periods.close(connection, "2026-10", {"total": "3"}, at=7, by="ann", reason="")


def note(connection: sa.Connection, subject: str) -> None:
    detail = {"team": "Küche", "share": "1/2"}
    audit.note(connection, audit.Entry(at=1, by="ann", action="owner set", subject=subject, detail=detail))


def findings(ledger: Ledger) -> list[str]:
    return [finding.detail for finding in verify(ledger)]


def tamper(ledger: Ledger, statement: str) -> None:
    with ledger.writing() as connection:
        assert connection.execute(sa.text(statement)).rowcount == 1


def test_what_the_program_writes_is_clean(ledger: Ledger) -> None:
    assert findings(ledger) == []
    fill(ledger)
    assert findings(ledger) == []


CHANGES = [
    *(("period_event", column) for column in ("period", "by", "reason", "statement", "hash", "status")),
    *(("adjustment", column) for column in ("period", "amount", "reason", "recorded_by")),
    *(("audit_entry", column) for column in ("by", "action", "subject", "detail")),
]


@pytest.mark.parametrize(("table", "column"), CHANGES)
def test_a_changed_text_is_found(embedded: Ledger, table: str, column: str) -> None:
    fill(embedded)
    tamper(embedded, f"""UPDATE {table} SET "{column}" = '7' WHERE number = 2""")
    assert any(f"row 2 of {table}" in detail or "the statement of" in detail for detail in findings(embedded))


@pytest.mark.parametrize(("table", "column"), [("period_event", "at"), ("audit_entry", "at")])
def test_a_changed_time_is_found(embedded: Ledger, table: str, column: str) -> None:
    fill(embedded)
    tamper(embedded, f'UPDATE {table} SET "{column}" = "{column}" + 1 WHERE number = 3')
    assert findings(embedded) == [f"row 3 of {table} is not what was sealed: it was changed"]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_row_that_is_deleted_is_missed(embedded: Ledger, table: sa.Table) -> None:
    fill(embedded)
    tamper(embedded, f"DELETE FROM {table.name} WHERE number = 2")
    assert f"before row 3 of {table.name}, rows were deleted, inserted or put in another order" in findings(
        embedded
    )


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_tail_that_is_cut_off_is_missed(embedded: Ledger, table: sa.Table) -> None:
    fill(embedded)
    with embedded.writing() as connection:
        connection.execute(table.delete().where(table.c.number > 1))
    assert any(f"{table.name} ends with 1 rows" in detail for detail in findings(embedded))
    with embedded.writing() as connection:
        connection.execute(table.delete())
    assert any(f"{table.name} ends with 0 rows" in detail for detail in findings(embedded))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_row_that_is_inserted_is_found(embedded: Ledger, table: sa.Table) -> None:
    fill(embedded)
    unset = ("number", "revision", "seal", "previous_seal")
    names = [column.name for column in table.c if column.name not in unset]
    columns = ", ".join(f'"{name}"' for name in names)
    tail = (", revision", ", 9") if "revision" in table.c else ("", "")
    tamper(
        embedded,
        f"INSERT INTO {table.name} ({columns}{tail[0]}) "
        f"SELECT {columns}{tail[1]} FROM {table.name} WHERE number = 1",
    )
    assert any(f"of {table.name} has no seal: it was inserted" in detail for detail in findings(embedded))


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_row_that_is_inserted_with_a_right_seal_is_told_by_the_head(
    embedded: Ledger, table: sa.Table
) -> None:
    fill(embedded)
    with embedded.writing() as connection:
        head = dict(connection.execute(sa.select(ledger_property.c.name, ledger_property.c.value)).all())
        if table is period_event:
            periods.reopen(connection, "2026-11", at=9, by="eve", reason="nobody saw it")
        elif table is audit_entry:
            note(connection, "forged")
        else:
            booked = periods.adjustments(connection)[0]
            periods.book(connection, booked)
        name = f"chain_{table.name}"
        put_back = ledger_property.update().where(ledger_property.c.name == name)
        connection.execute(put_back.values(value=head[name]))
    (found,) = findings(embedded)
    assert "rows were cut off or added" in found


def test_a_head_that_was_put_back_after_a_cut_is_told_by_a_closed_statement(embedded: Ledger) -> None:
    fill(embedded)
    with embedded.writing() as connection:
        rows = connection.execute(sa.select(audit_entry.c.seal).order_by(audit_entry.c.number)).scalars()
        first = next(iter(rows))
        connection.execute(audit_entry.delete().where(audit_entry.c.number > 1))
        head = ledger_property.update().where(ledger_property.c.name == "chain_audit_entry")
        connection.execute(head.values(value=json.dumps({"count": 1, "seal": first})))
    assert findings(embedded) == ["audit_entry has 1 rows, a closed statement names 3"]


def test_a_history_that_was_written_anew_is_told_by_a_closed_statement(embedded: Ledger) -> None:
    fill(embedded)
    with embedded.writing() as connection:
        connection.execute(audit_entry.delete())
        head = ledger_property.update().where(ledger_property.c.name == "chain_audit_entry")
        connection.execute(head.values(value=json.dumps({"count": 0, "seal": chain.GENESIS})))
        for number in range(4):
            note(connection, f"another {number}")
    assert findings(embedded) == [
        "row 3 of audit_entry is not the row that a closed statement names as the last"
    ]


def test_a_missing_head_is_found_and_nothing_more_is_sealed(embedded: Ledger) -> None:
    fill(embedded)
    tamper(embedded, "DELETE FROM ledger_property WHERE name = 'chain_adjustment'")
    assert findings(embedded) == ["the head of the chain adjustment is missing"]
    with embedded.writing() as connection, pytest.raises(LookupError, match="tallybook verify"):
        periods.book(connection, periods.adjustments(connection)[0])


def test_writers_at_the_same_time_do_not_fork_a_chain(ledger: Ledger) -> None:
    def write(name: int) -> None:
        for number in range(10):
            with ledger.writing() as connection:
                note(connection, f"{name}/{number}")
                note(connection, f"{name}/{number} again")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert findings(ledger) == []
    with ledger.reading() as connection:
        head = chain.head_of(connection, audit_entry)
    assert head is not None
    assert head.count == 80


def test_a_change_that_is_rolled_back_leaves_the_chain_as_it_was(ledger: Ledger) -> None:
    fill(ledger)
    with ledger.dry_run() as connection:
        note(connection, "not kept")
    with ledger.writing() as connection:
        note(connection, "kept")
    assert findings(ledger) == []


def alembic(run: Callable[[Config, str], None], ledger: Ledger, revision: str) -> None:
    with ledger.writing() as connection:
        configuration = Config()
        configuration.set_main_option("script_location", str(schema.SCRIPTS))
        configuration.attributes["connection"] = connection
        run(configuration, revision)


def before_chains(ledger: Ledger) -> None:
    """Bring the ledger to the schema before chains, with rows that the program of then wrote."""
    alembic(command.downgrade, ledger, BEFORE)
    with ledger.writing() as connection:
        for name, rows in json.loads(ROWS_BEFORE.read_text(encoding="utf-8")).items():
            connection.execute(sa.Table(name, sa.MetaData(), autoload_with=connection).insert(), rows)


def test_a_ledger_from_before_is_sealed_as_it_is_and_marked(ledger: Ledger, settings: Settings) -> None:
    before_chains(ledger)
    assert schema.migrate(ledger.engine).is_change
    with open_ledger(settings) as opened:
        assert findings(opened) == []
        with opened.reading() as connection:
            closing = periods.closed(connection)["2026-10"]
            marks = [connection.execute(sa.select(table.c.sealed_by_migration)).scalars() for table in TABLES]
            assert {mark for found in marks for mark in found} == {True}
        issued = json.loads(ROWS_BEFORE.read_text(encoding="utf-8"))["period_event"]
        assert closing.hash == next(row["hash"] for row in issued if row["number"] == closing.number)


def test_a_row_from_before_that_is_changed_after_the_migration_is_found(embedded: Ledger) -> None:
    before_chains(embedded)
    schema.migrate(embedded.engine)
    tamper(embedded, "UPDATE period_event SET reason = 'another' WHERE number = 1")
    assert findings(embedded) == ["row 1 of period_event is not what was sealed: it was changed"]


def test_a_statement_that_was_changed_before_the_migration_is_still_found(embedded: Ledger) -> None:
    before_chains(embedded)
    tamper(embedded, "UPDATE period_event SET statement = '{}' WHERE number = 3")
    schema.migrate(embedded.engine)
    assert findings(embedded) == [
        "the statement of 2026-10 is not what was sealed, or one before it is missing"
    ]


def test_a_ledger_that_goes_back_and_forth_stays_clean(ledger: Ledger) -> None:
    before_chains(ledger)
    schema.migrate(ledger.engine)
    with ledger.writing() as connection:
        # PostgreSQL's numbers go on behind the rows that were put in with theirs.
        for table in TABLES if connection.dialect.name == "postgresql" else ():
            sequence = sa.func.pg_get_serial_sequence(table.name, "number")
            connection.execute(sa.select(sa.func.setval(sequence, 100)))
        periods.close(connection, "2026-12", {"total": "1"}, at=4, by="ann", reason="")
        note(connection, "after")
    assert findings(ledger) == []
    alembic(command.downgrade, ledger, BEFORE)
    schema.migrate(ledger.engine)
    assert findings(ledger) == []
