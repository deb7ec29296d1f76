"""Calls without a price, or without an exchange rate to the billing currency.

They are no charges, and are listed in a file of their own.
"""

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
    "reason",
)
_SUMMED: Final = HEADER[5:-1]
NO_PRICE: Final = "no price"


class Caller(NamedTuple):
    """A model, and the virtual key and teams that called it."""

    provider: str
    model: str
    virtual_key_id: str
    virtual_key: str
    team: str
    reason: str


class UnpricedCalls:
    """The counts of calls that are in no row, by model, virtual key, teams and reason."""

    def __init__(self) -> None:
        self._counts: dict[Caller, list[int]] = {}

    def add(self, group: ChargeGroup, attributions: Attributions, reason: str) -> None:
        """Add the counts of a group of calls, and why it is in no row."""
        identity = group.identity
        key = attributions.entry(identity.dimensions.virtual_key_id)
        teams = [attributions.entry(owner.team_id) for owner in identity.owners]
        caller = Caller(
            identity.provider,
            identity.model,
            key.ident if key else "",
            key.name if key else "",
            ", ".join(dict.fromkeys(team.name if team else "" for team in teams)),
            reason,
        )
        counts = self._counts.setdefault(caller, [0] * len(_SUMMED))
        self._counts[caller] = [count + group.sums[name] for count, name in zip(counts, _SUMMED, strict=True)]

    @property
    def calls(self) -> int:
        """The number of calls without a price."""
        return self._requests(is_unpriced=True)

    @property
    def unconverted(self) -> int:
        """The number of calls without an exchange rate."""
        return self._requests(is_unpriced=False)

    def lines(self) -> Iterator[tuple[str | int, ...]]:
        """A CSV line for each model and caller, the most calls first."""
        for caller, counts in sorted(self._counts.items(), key=lambda item: (-item[1][0], item[0])):
            yield (*caller[:-1], *counts, caller.reason)

    def _requests(self, *, is_unpriced: bool) -> int:
        return sum(
            counts[0] for caller, counts in self._counts.items() if (caller.reason == NO_PRICE) is is_unpriced
        )
