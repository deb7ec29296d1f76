"""Who a call belongs to on the day it was made: dated, shared, by rule.

Only what is recorded later changes it.
"""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model.ownership import (
    END_DAY,
    FIRST_DAY,
    Assignment,
    CallAttribution,
    Owners,
    OwnerShare,
    SubjectKind,
    Target,
    Timeline,
)

KEY, RED, BLUE, ACME, CENTER = 7, 1, 2, 3, 4
CALLS = CallAttribution(virtual_key_id=KEY, team_id=None, customer_id=None, texts={})


def owns(
    *teams: int | Target,
    kind: SubjectKind = "virtual_key",
    subject: str = str(KEY),
    at: int = 0,
    first_day: int = FIRST_DAY,
    end_day: int = END_DAY,
) -> Assignment:
    return Assignment(
        subject_kind=kind,
        subject=subject,
        target_kind="team",
        targets=tuple(one if isinstance(one, Target) else Target(one) for one in teams),
        first_day=first_day,
        end_day=end_day,
        recorded_at=at,
    )


def teams(owners: Owners, said: CallAttribution, day: int) -> dict[int | None, Fraction]:
    found: dict[int | None, Fraction] = {}
    for one in on(owners, said, day):
        found[one.team_id] = found.get(one.team_id, Fraction(0)) + Fraction(one.parts, one.whole)
    return found


def on(owners: Owners, said: CallAttribution, day: int) -> list[OwnerShare]:
    return [one for one in owners.of(said) if one.first_day <= day < one.end_day]


def test_a_key_that_moves_belongs_to_each_team_on_its_days() -> None:
    owners = Owners([owns(RED), owns(BLUE, first_day=15, at=1)])
    assert [teams(owners, CALLS, day) for day in (14, 15)] == [{RED: 1}, {BLUE: 1}]


def test_days_that_nobody_owns_are_what_the_gateway_said() -> None:
    owners = Owners([owns(RED, first_day=10, end_day=20)])
    said = CallAttribution(KEY, BLUE, ACME, {})
    assert [teams(owners, said, day) for day in (9, 10, 20)] == [{BLUE: 1}, {RED: 1}, {BLUE: 1}]


def test_what_is_recorded_last_counts_where_it_covers_the_day() -> None:
    owners = Owners([owns(RED), owns(BLUE, first_day=5, end_day=8, at=1)])
    assert [teams(owners, CALLS, day) for day in (4, 5, 7, 8)] == [{RED: 1}, {BLUE: 1}, {BLUE: 1}, {RED: 1}]


def test_an_assignment_to_nobody_takes_an_earlier_one_back() -> None:
    assert teams(Owners([owns(RED), owns(at=1, first_day=3)]), CALLS, 3) == {None: 1}


def test_a_shared_key_belongs_to_each_for_its_part() -> None:
    owners = Owners([owns(Target(RED, 60), Target(BLUE, 40))])
    assert teams(owners, CALLS, 0) == {RED: Fraction(3, 5), BLUE: Fraction(2, 5)}


def test_a_rule_about_the_call_stands_before_the_keys_owner() -> None:
    owners = Owners([owns(RED), owns(BLUE, kind="project", subject="atlas")])
    named = CallAttribution(KEY, None, None, {"project": "atlas"})
    assert teams(owners, named, 0) == {BLUE: 1}
    assert teams(owners, CALLS, 0) == {RED: 1}


def test_the_cost_centre_and_the_customer_are_those_of_the_team_on_that_day() -> None:
    center = Assignment(
        subject_kind="team",
        subject=str(RED),
        target_kind="cost_center",
        targets=(Target(CENTER),),
        first_day=5,
    )
    customer = Assignment(
        subject_kind="team", subject=str(RED), target_kind="customer", targets=(Target(ACME),), end_day=6
    )
    owners = Owners([owns(RED), center, customer])
    assert [[one[2:5] for one in on(owners, CALLS, day)] for day in (4, 5, 6)] == [
        [(RED, ACME, None)],
        [(RED, ACME, CENTER)],
        [(RED, None, CENTER)],
    ]


assignments = st.lists(
    st.builds(
        lambda targets, first, length, at: owns(*targets, first_day=first, end_day=first + length, at=at),
        st.lists(
            st.builds(Target, st.integers(1, 5), st.integers(1, 100)),
            max_size=3,
            unique_by=lambda one: one.entry_id,
        ),
        st.integers(-5, 20),
        st.integers(1, 10),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(assignments, st.integers(-10, 40))
def test_every_day_is_owned_once_and_whole(history: list[Assignment], day: int) -> None:
    found = on(Owners(history), CALLS, day)
    assert sum(Fraction(one.parts, one.whole) for one in found) == 1
    assert len({one[2:5] for one in found}) == len(found)


@given(assignments)
def test_the_days_of_one_owner_neither_overlap_nor_leave_gaps(history: list[Assignment]) -> None:
    stretches = Timeline(history).stretches
    assert (stretches[0].first_day, stretches[-1].end_day) == (FIRST_DAY, END_DAY)
    assert all(one.end_day == other.first_day for one, other in pairwise(stretches))


@given(assignments, assignments)
def test_what_is_recorded_later_changes_only_the_days_that_it_covers(
    before: list[Assignment], later: list[Assignment]
) -> None:
    moved = [
        Assignment(
            subject_kind=one.subject_kind,
            subject=one.subject,
            target_kind=one.target_kind,
            targets=one.targets,
            first_day=one.first_day,
            end_day=one.end_day,
            recorded_at=one.recorded_at + 10,
        )
        for one in later
    ]
    old, new = Timeline(before), Timeline([*before, *moved])
    covered = {day for one in moved for day in range(one.first_day, one.end_day)}
    assert all(old.on(day) == new.on(day) for day in range(-10, 45) if day not in covered)


@pytest.mark.parametrize("day", [FIRST_DAY, 0, END_DAY - 1])
def test_without_assignments_every_call_is_whose_the_gateway_said(day: int) -> None:
    said = CallAttribution(KEY, RED, ACME, {})
    assert [one[2:] for one in on(Owners([]), said, day)] == [(RED, ACME, None, 1, 1)]
