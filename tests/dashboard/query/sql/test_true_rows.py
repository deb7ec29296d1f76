"""True rows: every call once, whatever the rollups of a marked slot say."""

import pytest
import sqlalchemy as sa

from dashboard.query.plan import Plan, Range
from dashboard.query.sql.measures import sum_columns
from dashboard.query.sql.true_rows import true_rows
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.ledger.tables.calls import rollup_day, rollup_slot
from ingest.model.zone import HOUR, day_number, instant
from tests.support.calls import call, put

NUMBER = day_number(instant(1_791_676_800_000_000).date())
DAY = Range(NUMBER * 24 * HOUR, (NUMBER + 1) * 24 * HOUR)
BY_DAY = Plan("day", DAY, days=Range(NUMBER, NUMBER + 1))
BY_SLOT = Plan("slot", DAY, slots=(DAY,))


def at(hour: int, minute: int = 0) -> str:
    return instant(DAY.start + (hour * 60 + minute) * HOUR // 60).isoformat().replace("+00:00", "Z")


def requests(ledger: Ledger, plan: Plan, *, has_marks: bool = True) -> list[int]:
    """How many calls each source holds."""
    with ledger.reading() as connection:
        return [
            connection.execute(
                sa.select(*sum_columns(source.table, "requests"))
                .select_from(source.joined)
                .where(*source.where)
            ).scalar()
            or 0
            for source in true_rows(plan, rollup_day, has_marks=has_marks)
        ]


@pytest.mark.parametrize(
    ("plan", "clean", "dirty"), [(BY_DAY, [3, 0, 0], [0, 1, 3]), (BY_SLOT, [3, 0], [1, 3])]
)
def test_a_call_is_in_one_source(ledger: Ledger, plan: Plan, clean: list[int], dirty: list[int]) -> None:
    put(ledger, [call(at(hour), 1) for hour in (3, 10, 10)])
    roll(ledger)
    assert requests(ledger, plan) == clean
    put(ledger, [call(at(10, 30), 1)], first=3)
    with ledger.writing() as connection:  # nothing of a marked slot is believed
        slot = rollup_slot.c.slot
        connection.execute(rollup_slot.update().where(slot == DAY.start + 10 * HOUR).values(requests=99))
        connection.execute(rollup_day.update().values(requests=99))
    assert requests(ledger, plan) == dirty


def test_without_marks_only_rollups_are_read(ledger: Ledger) -> None:
    put(ledger, [call(at(3), 1), call(at(10), 1)])
    roll(ledger)
    assert requests(ledger, BY_DAY, has_marks=False) == [2]
    assert requests(ledger, BY_SLOT, has_marks=False) == [2]
