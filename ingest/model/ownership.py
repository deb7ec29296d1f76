"""Ownership: who a call belongs to on the day it was made. Pure; `ingest.ledger.ownership` keeps it.

An assignment says who owns a subject from a day to a day of the reporting zone. Assignments are only added: of those that
cover a day, the one recorded last counts, and one without targets takes earlier ones back. What was believed at some
moment is what the assignments recorded until then say.

A call's team is what a rule about the call says, else its key's owner, else what the gateway said. Its customer is that of
the team, else that of the key, where somebody assigned one, else what the gateway said; its cost centre is the team's.
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
"""Subjects that calls name themselves, in the order in which rules about them are asked."""

_OF_TEAM: Final[tuple[TargetKind, ...]] = ("customer", "cost_center")

FIRST_DAY: Final = -(2**31)
END_DAY: Final = 2**31 - 1
"""Days before and after all others."""


class Owner(NamedTuple):
    """Who pays, by entries of the directory."""

    team_id: int | None = None
    customer_id: int | None = None
    cost_center_id: int | None = None


NOBODY: Final = Owner()
"""The owner of calls that belong to nobody."""


class Target(NamedTuple):
    """An owner, by its entry in the directory, and its part of what it owns with others."""

    entry_id: int
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who owns a subject, from a day on up to (not including) another, by number of the day."""

    subject_kind: SubjectKind
    subject: str
    """The entry of a key or team in the directory as text; the text that calls name a project by."""
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
        """What it answers: the owner of that kind of that subject."""
        return self.subject_kind, self.subject, self.target_kind


class Stretch(NamedTuple):
    """Days on which a subject has the same owners."""

    first_day: int
    end_day: int
    targets: tuple[Target, ...]


class Timeline:
    """The owners of one subject over all days."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        ordered = sorted(assignments, key=lambda one: (one.recorded_at, one.number))
        edges = sorted(
            {FIRST_DAY, END_DAY, *(day for one in ordered for day in (one.first_day, one.end_day))}
        )
        self.stretches = _joined(
            Stretch(first, end, _standing(ordered, first)) for first, end in pairwise(edges)
        )
        self._firsts = [one.first_day for one in self.stretches]

    def on(self, day: int) -> tuple[Target, ...]:
        """The owners on a day; none where nobody assigned any."""
        return self.stretches[bisect_right(self._firsts, day) - 1].targets


def say_anything_new(some: Sequence[Assignment], standing: Iterable[Assignment]) -> bool:
    """Whether assignments about one subject, recorded now in this order, would say what those before do not."""
    before = [one for one in standing if one.about == some[0].about]
    later = [replace(one, recorded_at=2**62, number=at) for at, one in enumerate(some)]
    return Timeline([*before, *later]).stretches != Timeline(before).stretches


def _standing(ordered: Sequence[Assignment], day: int) -> tuple[Target, ...]:
    covering = [one for one in ordered if one.first_day <= day < one.end_day]
    return covering[-1].targets if covering else ()


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in a row with the same owners as one."""
    found: list[Stretch] = []
    for one in stretches:
        if found and found[-1].targets == one.targets:
            found[-1] = found[-1]._replace(end_day=one.end_day)
        else:
            found.append(one)
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """What a call's attribution says: entries of the directory, and the texts that rules are about."""

    virtual_key_id: int | None
    team_id: int | None
    customer_id: int | None
    texts: Mapping[SubjectKind, str]


class Owned(NamedTuple):
    """Who calls of an attribution belong to from a day to a day, for `parts` of `whole` of them."""

    first_day: int
    end_day: int
    team_id: int | None
    customer_id: int | None
    cost_center_id: int | None
    parts: int
    whole: int


class Owners:
    """All assignments, asked by what calls say."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        by_subject: dict[tuple[SubjectKind, str, TargetKind], list[Assignment]] = {}
        for one in assignments:
            by_subject.setdefault(one.about, []).append(one)
        self._timelines = {about: Timeline(found) for about, found in by_subject.items()}

    def of(self, said: Said) -> list[Owned]:
        """Who calls that say this belong to: every day once, with parts that add up to the whole."""
        asked = self._asked(said)
        teams = {said.team_id, *(t.entry_id for line in asked for s in line.stretches for t in s.targets)}
        billed = self._timelines.get(("virtual_key", str(said.virtual_key_id), "customer"))
        lines = [*asked, *([billed] if billed else []), *(line for t in teams for line in self._of_team(t))]
        edges = sorted({FIRST_DAY, END_DAY, *(s.first_day for line in lines for s in line.stretches)})
        return _merged(
            one
            for first, end in pairwise(edges)
            for one in self._during(first, end, asked, said, billed.on(first) if billed else ())
        )

    def home(self, team: int, day: int) -> tuple[int | None, int | None]:
        """The customer and the cost centre of a team on a day; of several, the one with the largest part."""
        customer, center = (
            max(self._owners(team, kind, day, None), key=lambda one: one[1])[0] for kind in _OF_TEAM
        )
        return customer, center

    def _asked(self, said: Said) -> list[Timeline]:
        """The timelines that may say whose a call is, the strongest first."""
        abouts: list[tuple[SubjectKind, str, TargetKind]] = [
            (kind, said.texts[kind], "team") for kind in RULES if kind in said.texts
        ]
        if said.virtual_key_id is not None:
            abouts.append(("virtual_key", str(said.virtual_key_id), "team"))
        return [line for about in abouts if (line := self._timelines.get(about))]

    def _of_team(self, team: int | None) -> list[Timeline]:
        return [line for kind in _OF_TEAM if (line := self._timelines.get(("team", str(team), kind)))]

    def _during(
        self, first: int, end: int, asked: Sequence[Timeline], said: Said, billed: Sequence[Target]
    ) -> list[Owned]:
        standing = (targets for line in asked if (targets := line.on(first)))
        teams: Sequence[tuple[int | None, int]] = next(standing, ((said.team_id, 1),))
        otherwise = billed[0].entry_id if billed else said.customer_id
        shares = [
            (team, customer, center, Fraction(parts, sum(part for _, part in teams)) * more * yet_more)
            for team, parts in teams
            for customer, more in self._owners(team, "customer", first, otherwise)
            for center, yet_more in self._owners(team, "cost_center", first, None)
        ]
        whole = lcm(*(share.denominator for *_, share in shares))
        return [
            Owned(first, end, team, customer, center, int(share * whole), whole)
            for team, customer, center, share in shares
        ]

    def _owners(
        self, team: int | None, kind: TargetKind, day: int, said: int | None
    ) -> list[tuple[int | None, Fraction]]:
        line = self._timelines.get(("team", str(team), kind))
        targets = line.on(day) if line else ()
        if not targets:
            return [(said, Fraction(1))]
        return [(one.entry_id, Fraction(one.parts, sum(t.parts for t in targets))) for one in targets]


def _merged(found: Iterable[Owned]) -> list[Owned]:
    """Neighbouring days that say the same as one."""
    done: list[Owned] = []
    open_ones: dict[tuple[object, ...], Owned] = {}
    for one in found:
        before = open_ones.get(one[2:])
        if before is not None and before.end_day == one.first_day:
            one = one._replace(first_day=before.first_day)  # noqa: PLW2901
        elif before is not None:
            done.append(before)
        open_ones[one[2:]] = one
    return sorted((*done, *open_ones.values()), key=lambda one: [x if x is not None else -1 for x in one])
