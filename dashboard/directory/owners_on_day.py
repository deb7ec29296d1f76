"""Owners on a day: the teams of each key, and the customer and cost centre of each team."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from dashboard.directory.store import GatewayOwner, gateway_owners, teams_by_calls
from dashboard.query import labels
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.ownership import assignments
from ingest.model.ownership import Assignment, Owners, Stretch, SubjectKind, Target, TargetKind, Timeline

_LOOKED_BACK: Final = 92
"""Days of calls to search for the present team of a key that gateways reported with several teams."""


class Home(NamedTuple):
    """The customer and cost centre of a team, by name."""

    customer: str | None
    cost_center: str | None


@dataclass(frozen=True, slots=True)
class OwnersOnDay:
    """The owners of keys and teams on a day, by directory entry."""

    teams: Mapping[int, tuple[Target, ...]]
    """The teams of each key: by assignment, else as its gateway reported last.

    Keys without a team are left out.
    """
    homes: Mapping[int, Home]
    """The customer and cost centre of each team, by name."""
    home_entries: Mapping[int, tuple[int | None, int | None]]
    """The same by directory entry."""

    def keys(self, team: int) -> Mapping[int, tuple[int, int]]:
        """The keys of a team; for each the team's parts, and the parts of all its owners together."""
        return {
            key: (target.parts, sum(owner.parts for owner in targets))
            for key, targets in self.teams.items()
            for target in targets
            if target.entry_id == team
        }

    def counts(self) -> Mapping[int, int]:
        """The number of keys that each team owns, alone or with other teams."""
        return Counter(target.entry_id for targets in self.teams.values() for target in targets)


def owners_on_day(ledger: Ledger, day: int) -> OwnersOnDay:
    """The owners of keys and teams on a day, by the assignments recorded until now."""
    with ledger.reading() as connection:
        recorded = assignments(connection)
        reported = gateway_owners(connection)
        teams = {row.team for row in reported} | {t.entry_id for one in recorded for t in one.targets}
        homes = _homes(recorded, reported, teams - {None}, day)
        names = labels.entry_names(connection, {entry for home in homes.values() for entry in home})
        owners = _reported_last(connection, reported, day) | _assigned(recorded, day)
    return OwnersOnDay(
        {key: targets for key, targets in owners.items() if targets},
        {team: Home(*(names.get(entry) for entry in home)) for team, home in homes.items()},
        homes,
    )


def stretches(
    ledger: Ledger, subject_kind: SubjectKind, subject: int, target_kind: TargetKind
) -> list[Stretch]:
    """The assigned owners of a key or a team over all days; empty where none were ever assigned."""
    with ledger.reading() as connection:
        recorded = assignments(connection)
    about = (subject_kind, str(subject), target_kind)
    history = [assignment for assignment in recorded if assignment.about == about]
    return Timeline(history).stretches if history else []


def _assigned(recorded: Iterable[Assignment], day: int) -> dict[int, tuple[Target, ...]]:
    """The teams of the keys that have an assignment on the day."""
    by_key: dict[int, list[Assignment]] = {}
    for assignment in recorded:
        if (assignment.subject_kind, assignment.target_kind) == ("virtual_key", "team"):
            by_key.setdefault(int(assignment.subject), []).append(assignment)
    on_day = {key: Timeline(history).on(day) for key, history in by_key.items()}
    return {key: targets for key, targets in on_day.items() if targets}


def _homes(
    recorded: Iterable[Assignment],
    reported: Iterable[GatewayOwner],
    teams: Iterable[int | None],
    day: int,
) -> dict[int, tuple[int | None, int | None]]:
    """Customer and cost centre of each team: by assignment, else the customer its gateway reported last."""
    owners = Owners(recorded)
    customers = {row.team: row.customer for row in reported if row.customer is not None}
    homes = {team: owners.home(team, day) for team in teams if team is not None}
    return {team: (home[0] or customers.get(team), home[1]) for team, home in homes.items()}


def _reported_last(
    connection: Connection, reported: Iterable[GatewayOwner], day: int
) -> dict[int, tuple[Target, ...]]:
    """The team of each key as its gateway reported last; by its newest calls if there are several teams."""
    teams: dict[int, set[int | None]] = {}
    last: dict[int, tuple[Target, ...]] = {}
    for row in reported:
        if row.key is not None:
            teams.setdefault(row.key, set()).add(row.team)
            last[row.key] = _targets(row.team)
    moved = sorted(key for key, of_key in teams.items() if len(of_key) > 1)
    calls = teams_by_calls(connection, moved, day - _LOOKED_BACK)
    return last | {key: _targets(team) for key, team in calls}


def _targets(team: int | None) -> tuple[Target, ...]:
    return () if team is None else (Target(team),)
