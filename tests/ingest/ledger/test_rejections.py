"""Rejected records: equal ones are one row, in few statements, and nonsense fills no ledger."""

from typing import Any

import pytest
import sqlalchemy as sa

from ingest.framing import RawRecord
from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger.engine import Ledger
from ingest.ledger.rejections import MOST_OF_BODY, MOST_OF_FILE
from ingest.ledger.tables.calls import rejected_record
from ingest.model.receipt import MAX_REJECTIONS, Receipt
from tests.support.ledgers import ARRIVAL


def take(ledger: Ledger, *batches: list[bytes], path: str | None = None) -> Receipt:
    """The receipt of one body or file."""
    total = Receipt()
    line = 0
    with Intake(ledger, make_decoder(ledger), Context("http", ARRIVAL, path=path)) as intake:
        for batch in batches:
            records = [RawRecord(line + at, line + at + 1, raw) for at, raw in enumerate(batch)]
            total.add(intake.accept(records))
            line += len(batch)
    return total


def rows(ledger: Ledger) -> list[Any]:
    columns = (rejected_record.c[name] for name in ("code", "line", "record", "times", "reason"))
    with ledger.reading() as connection:
        return list(connection.execute(sa.select(*columns).order_by(rejected_record.c.rejected_id)))


def statements(ledger: Ledger) -> list[str]:
    """The statements that write rejections, as they are sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO rejected_record"):
            sent.append(statement)

    sa.event.listen(ledger.engine, "before_cursor_execute", note)
    return sent


def test_equal_records_are_one_row_and_a_batch_is_one_statement(ledger: Ledger) -> None:
    sent = statements(ledger)
    receipt = take(ledger, [b"1"] * 700 + [b"{}"] * 300, [b"1"] * 1_000)
    assert (receipt.rejected, len(receipt.rejections)) == (2_000, MAX_REJECTIONS)
    assert sorted((row.code, row.times) for row in rows(ledger)) == [
        ("not_an_object", 1_700),
        ("unknown_format", 300),
    ]
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("path", "most"), [(None, MOST_OF_BODY), ("calls.jsonl", MOST_OF_FILE)], ids=["body", "file"]
)
def test_what_is_beyond_the_most_shares_a_row_for_each_code(
    embedded: Ledger, path: str | None, most: int
) -> None:
    distinct = [b'{"status_code":%d}' % n for n in range(most + 500)]
    wrong = [b'{"model":"m","usage":{"prompt_tokens":-%d}}' % n for n in range(1, 201)]
    batches = [distinct[start : start + 1_000] for start in range(0, len(distinct), 1_000)]
    receipt = take(embedded, *batches, wrong, path=path)
    assert receipt.rejected == most + 700
    kept, further = rows(embedded)[:most], rows(embedded)[most:]
    assert {row.times for row in kept} == {1}
    assert sorted((row.code, row.record, row.times) for row in further) == [
        ("impossible_count", None, 200),
        ("unknown_format", None, 500),
    ]
    assert all(f"{row.times} more like this" in row.reason for row in further)
    assert f"first {most:,}" in further[0].reason
