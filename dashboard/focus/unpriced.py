"""Calls without a price. They are no charges, and are listed in a file of their own."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from dashboard.focus.attribution import Attributions
from dashboard.focus.charge_groups import ChargeGroup

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
    """A model, and the virtual key and teams that called it."""

    provider: str
    model: str
    virtual_key_id: str
    virtual_key: str
    team: str


class UnpricedCalls:
    """The counts of calls without a price, by model, virtual key and teams."""

    def __init__(self) -> None:
        self._counts: dict[Caller, list[int]] = {}

    def add(self, group: ChargeGroup, attributions: Attributions) -> None:
        """Add the counts of a group of calls."""
        identity = group.identity
        key = attributions.entry(identity.dimensions.virtual_key_id)
        teams = [attributions.entry(owner.team_id) for owner in identity.owners]
        caller = Caller(
            identity.provider,
            identity.model,
            key.ident if key else "",
            key.name if key else "",
            ", ".join(dict.fromkeys(team.name if team else "" for team in teams)),
        )
        counts = self._counts.setdefault(caller, [0] * len(_SUMMED))
        self._counts[caller] = [count + group.sums[name] for count, name in zip(counts, _SUMMED, strict=True)]

    @property
    def calls(self) -> int:
        """The number of calls without a price."""
        return sum(counts[0] for counts in self._counts.values())

    def lines(self) -> Iterator[tuple[str | int, ...]]:
        """A CSV line for each model and caller, the most calls first."""
        for caller, counts in sorted(self._counts.items(), key=lambda item: (-item[1][0], item[0])):
            yield (*caller, *counts)
