"""Deliveries name the number of their statement, no longer the number of an event of the month."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WHAT = re.compile(r"(chargeback) (\d{4}-\d{2})/(\d+)( .*)")


def upgrade() -> None:
    """Ascending: a statement's number is at most that of its event, so that no two rows meet."""
    _rename({(period, event): number for period, number, event in _statements()})


def downgrade() -> None:
    _rename({(period, number): event for period, number, event in _statements()}, descending=True)


def _statements() -> list[tuple[str, int, int]]:
    """Month, number of the statement, and number of the closing among the month's events."""
    rows = op.get_bind().execute(
        sa.text("SELECT period, revision FROM period_event WHERE status = 'closed' ORDER BY period, revision")
    )
    numbers: dict[str, int] = {}
    statements = []
    for period, event in rows:
        numbers[period] = numbers.get(period, 0) + 1
        statements.append((period, numbers[period], event))
    return statements


def _rename(numbers: dict[tuple[str, int], int], *, descending: bool = False) -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT number, what FROM delivery")).all()
    named = [(int(match[3]), number, match) for number, what in rows if (match := WHAT.fullmatch(what))]
    for before, number, match in sorted(named, key=lambda row: row[0], reverse=descending):
        after = numbers.get((match[2], before), before)
        text = f"{match[1]} {match[2]}/{after}{match[4]}"
        update = sa.text("UPDATE delivery SET what = :what WHERE number = :number AND what <> :what")
        connection.execute(update, {"what": text, "number": number})
