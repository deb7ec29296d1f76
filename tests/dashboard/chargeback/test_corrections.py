"""What a change of a closed month is called: late calls, another owner, or another price."""

import pytest

from dashboard.chargeback.corrections import _by_cause
from ingest.model.ownership import Owner

RED, BLUE = Owner(1), Owner(2)


def causes(changes: dict[Owner, int], late: dict[Owner, int]) -> list[tuple[str, int | None, int]]:
    found = list(_by_cause("2026-10", changes, late))
    assert all(one.about == "2026-10" for one in found)
    assert sum(one.amount for one in found) == sum(changes.values())
    return [(one.cause, one.owner.team_id, one.amount) for one in found]


@pytest.mark.parametrize(
    ("changes", "late", "expected"),
    [
        ({RED: 10}, {RED: 10}, [("late", 1, 10)]),
        ({RED: 11, BLUE: 1}, {RED: 10}, [("late", 1, 11), ("late", 2, 1)]),
        ({RED: 13}, {RED: 10}, [("late", 1, 10), ("price", 1, 3)]),
        ({RED: 7, BLUE: -7}, {}, [("ownership", 1, 7), ("ownership", 2, -7)]),
        ({RED: 7, BLUE: -5}, {}, [("ownership", 1, 7), ("ownership", 2, -5)]),
        ({RED: 7, BLUE: -4}, {}, [("price", 1, 7), ("price", 2, -4)]),
        (
            {RED: 15, BLUE: -3},
            {RED: 10},
            [("late", 1, 12), ("ownership", 1, 3), ("ownership", 2, -3)],
        ),
        (
            {RED: 14, BLUE: 17},
            {RED: 10, BLUE: 20},
            [("late", 1, 10), ("ownership", 1, 4), ("late", 2, 21), ("ownership", 2, -4)],
        ),
        (
            {RED: 16, BLUE: -3},
            {RED: 10},
            [("late", 1, 10), ("price", 1, 6), ("price", 2, -3)],
        ),
    ],
    ids=[
        "late calls alone",
        "one unit an owner is rounding",
        "late calls and another price",
        "other owners",
        "other owners, and rounding",
        "another price",
        "rounding goes to the late calls",
        "of several owners to the one with the most",
        "more than rounding is another price",
    ],
)
def test_changes_are_divided_by_cause(
    changes: dict[Owner, int], late: dict[Owner, int], expected: list[tuple[str, int | None, int]]
) -> None:
    assert causes(changes, late) == expected
