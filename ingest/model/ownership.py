"""Ownership: which team, customer and cost centre a call belongs to on its day.

Pure arithmetic; `ingest.ledger.ownership` stores the assignments.

An assignment gives a subject (a key, a team, a project ...) its owners for a range of
days of the reporting zone, half-open. Assignments are append-only. For each day the last
recorded assignment that covers it counts; an assignment without targets cancels earlier
ones. The state at an earlier moment follows from the assignments recorded before it.

A call's team comes from a rule about the call, else from its key's assignment,
else from the gateway. Its customer comes from the team's assignment, else from the
key's, else from the gateway. Its cost centre comes from the team's assignment.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Final, Literal, NamedTuple

SubjectKind = Literal["virtual_key", "team", "project", "environment", "application"]
TargetKind = Literal["team", "customer", "cost_center"]

RULES: Final[tuple[SubjectKind, ...]] = ("project", "environment", "application")
"""Subjects that calls name themselves, the strongest first."""

_OF_TEAM: Final[tuple[TargetKind, ...]] = ("customer", "cost_center")

FIRST_DAY: Final = -(2**31)
END_DAY: Final = 2**31 - 1
"""Open ends of a range of days: before the first and after the last day that can occur."""


class Owner(NamedTuple):
    """The team, customer and cost centre of a call, as directory entries."""

    team_id: int | None = None
    customer_id: int | None = None
    cost_center_id: int | None = None


NOBODY: Final = Owner()
"""The owner of calls without team, customer and cost centre."""


class Target(NamedTuple):
    """An owner as a directory entry, with its number of parts where several owners share a subject."""

    entry_id: int
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The owners of a subject for the days `[first_day, end_day)`, by number of the day."""

    subject_kind: SubjectKind
    subject: str
    """For a key or team its directory entry as text; for a project and the like the text that calls carry."""
    target_kind: TargetKind
    targets: tuple[Target, ...]
    first_day: int = FIRST_DAY
    end_day: int = END_DAY
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0

    @property
    def about(self) -> tuple[SubjectKind, str, TargetKind]:
        """The subject and the kind of owner that the assignment sets."""
        return self.subject_kind, self.subject, self.target_kind


class Stretch(NamedTuple):
    """Days on which a subject has the same owners."""

    first_day: int
    end_day: int
    targets: tuple[Target, ...]


class Timeline:
    """The owners of one subject over all days."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        ordered = sorted(assignments, key=lambda assignment: (assignment.recorded_at, assignment.number))
        edges = sorted({FIRST_DAY, END_DAY, *(day for a in ordered for day in (a.first_day, a.end_day))})
        self.stretches = _joined(
            Stretch(first, end, _standing(ordered, first)) for first, end in pairwise(edges)
        )
        self._firsts = [one.first_day for one in self.stretches]

    def on(self, day: int) -> tuple[Target, ...]:
        """The owners on a day; empty where none is assigned."""
        return self.stretches[bisect_right(self._firsts, day) - 1].targets


def would_change_owners(new: Sequence[Assignment], recorded: Iterable[Assignment]) -> bool:
    """Whether recording `new`, assignments of one subject in their order, would change its timeline."""
    before = [one for one in recorded if one.about == new[0].about]
    later = [replace(one, recorded_at=2**62, number=at) for at, one in enumerate(new)]
    return Timeline([*before, *later]).stretches != Timeline(before).stretches


def _standing(ordered: Sequence[Assignment], day: int) -> tuple[Target, ...]:
    covering = [one for one in ordered if one.first_day <= day < one.end_day]
    return covering[-1].targets if covering else ()


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The stretches, with neighbours of the same owners joined."""
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and joined[-1].targets == stretch.targets:
            joined[-1] = joined[-1]._replace(end_day=stretch.end_day)
        else:
            joined.append(stretch)
    return joined


@dataclass(frozen=True, slots=True)
class CallAttribution:
    """A call's attribution by its gateway: directory entries, and the texts that rules match."""

    virtual_key_id: int | None
    team_id: int | None
    customer_id: int | None
    texts: Mapping[SubjectKind, str]


class OwnerShare(NamedTuple):
    """The owner of `parts / whole` of an attribution's calls on the days `[first_day, end_day)`."""

    first_day: int
    end_day: int
    team_id: int | None
    customer_id: int | None
    cost_center_id: int | None
    parts: int
    whole: int


class Owners:
    """All assignments, looked up by the attribution of calls."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        by_subject: dict[tuple[SubjectKind, str, TargetKind], list[Assignment]] = {}
        for assignment in assignments:
            by_subject.setdefault(assignment.about, []).append(assignment)
        self._timelines = {about: Timeline(history) for about, history in by_subject.items()}

    def of(self, attribution: CallAttribution) -> list[OwnerShare]:
        """The owners of an attribution's calls.

        They cover each day once; the parts of a day add up to the whole.
        """
        of_teams = self._team_timelines(attribution)
        assigned = {target.entry_id for line in of_teams for s in line.stretches for target in s.targets}
        of_key = self._timelines.get(("virtual_key", str(attribution.virtual_key_id), "customer"))
        of_homes = [line for team in {attribution.team_id, *assigned} for line in self._home_timelines(team)]
        lines = [*of_teams, *([of_key] if of_key else []), *of_homes]
        edges = sorted({FIRST_DAY, END_DAY, *(s.first_day for line in lines for s in line.stretches)})
        return _merged(
            share
            for first, end in pairwise(edges)
            for share in self._during(first, end, of_teams, attribution, of_key.on(first) if of_key else ())
        )

    def home(self, team: int, day: int) -> tuple[int | None, int | None]:
        """The customer and the cost centre of a team on a day; the largest share where several own it."""
        customer, center = (
            max(self._owners(team, kind, day, None), key=lambda owner: owner[1])[0] for kind in _OF_TEAM
        )
        return customer, center

    def _team_timelines(self, attribution: CallAttribution) -> list[Timeline]:
        """The timelines that can give the call its team, the strongest first."""
        abouts: list[tuple[SubjectKind, str, TargetKind]] = [
            (kind, attribution.texts[kind], "team") for kind in RULES if kind in attribution.texts
        ]
        if attribution.virtual_key_id is not None:
            abouts.append(("virtual_key", str(attribution.virtual_key_id), "team"))
        return [line for about in abouts if (line := self._timelines.get(about))]

    def _home_timelines(self, team: int | None) -> list[Timeline]:
        """The timelines of a team's customers and cost centres."""
        return [line for kind in _OF_TEAM if (line := self._timelines.get(("team", str(team), kind)))]

    def _during(
        self,
        first: int,
        end: int,
        of_teams: Sequence[Timeline],
        attribution: CallAttribution,
        key_customers: Sequence[Target],
    ) -> list[OwnerShare]:
        """The owners on the days `[first, end)`, within which no assignment starts or ends."""
        assigned = (targets for line in of_teams if (targets := line.on(first)))
        teams: Sequence[tuple[int | None, int]] = next(assigned, ((attribution.team_id, 1),))
        otherwise = key_customers[0].entry_id if key_customers else attribution.customer_id
        all_parts = sum(parts for _, parts in teams)
        shares = [
            (team, customer, center, Fraction(parts, all_parts) * of_customer * of_center)
            for team, parts in teams
            for customer, of_customer in self._owners(team, "customer", first, otherwise)
            for center, of_center in self._owners(team, "cost_center", first, None)
        ]
        whole = lcm(*(share.denominator for *_, share in shares))
        return [
            OwnerShare(first, end, team, customer, center, int(share * whole), whole)
            for team, customer, center, share in shares
        ]

    def _owners(
        self, team: int | None, kind: TargetKind, day: int, otherwise: int | None
    ) -> list[tuple[int | None, Fraction]]:
        line = self._timelines.get(("team", str(team), kind))
        targets = line.on(day) if line else ()
        if not targets:
            return [(otherwise, Fraction(1))]
        whole = sum(target.parts for target in targets)
        return [(target.entry_id, Fraction(target.parts, whole)) for target in targets]


def _merged(shares: Iterable[OwnerShare]) -> list[OwnerShare]:
    """The shares, with neighbouring days of the same owner and share joined."""
    closed: list[OwnerShare] = []
    latest: dict[tuple[object, ...], OwnerShare] = {}
    for share in shares:
        before = latest.get(share[2:])
        if before is not None and before.end_day == share.first_day:
            latest[share[2:]] = share._replace(first_day=before.first_day)
            continue
        if before is not None:
            closed.append(before)
        latest[share[2:]] = share
    return sorted((*closed, *latest.values()), key=lambda s: [x if x is not None else -1 for x in s])
