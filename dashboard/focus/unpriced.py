"""Calls without a price: they are no charge, and are listed beside the charges."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from dashboard.focus.attribution import Holders
from dashboard.focus.charge_groups import Group

HEADER: Final = (
    "provider",
    "model",
    "virtual_key_id",
    "virtual_key",
    "team",
    "requests",
    "input_tokens",
    "output_tokens",
    "total_tokens",
)
_SUMMED: Final = HEADER[5:]


class Caller(NamedTuple):
    """Whose calls of which model."""

    provider: str
    model: str
    virtual_key_id: str
    virtual_key: str
    team: str


class Unpriced:
    """Counts of the calls without a price, by model and by who made them."""

    def __init__(self) -> None:
        self._held: dict[Caller, list[int]] = {}

    def add(self, group: Group, holders: Holders) -> None:
        """Count calls in."""
        identity = group.identity
        key = holders.person(identity.who.virtual_key_id)
        teams = [holders.person(owner.team_id) for owner in identity.owners]
        caller = Caller(
            identity.provider,
            identity.model,
            key.ident if key else "",
            key.name if key else "",
            ", ".join(dict.fromkeys(team.name if team else "" for team in teams)),
        )
        held = self._held.setdefault(caller, [0] * len(_SUMMED))
        self._held[caller] = [one + group.sums[name] for one, name in zip(held, _SUMMED, strict=True)]

    @property
    def calls(self) -> int:
        """How many there are."""
        return sum(counts[0] for counts in self._held.values())

    def lines(self) -> Iterator[tuple[str | int, ...]]:
        """One line for each model and caller, the most calls first."""
        for caller, counts in sorted(self._held.items(), key=lambda item: (-item[1][0], item[0])):
            yield (*caller, *counts)
