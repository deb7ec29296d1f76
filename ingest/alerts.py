"""Rules of alerts: what is watched, and who is told. Pure; `ingest.ledger.alerts` keeps them.

Rules are only added: of those of one name the one recorded last counts, and one without a kind takes it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from ingest.budgets import Scope

Kind = Literal["budget", "forecast", "anomaly", "unpriced", "unassigned", "silent"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
WORDS: Final[dict[Kind, str]] = {
    "budget": "a threshold of a budget is reached",
    "forecast": "a budget will be exceeded if spending goes on like this",
    "anomaly": "a day's spend is far from what it was expected to be",
    "unpriced": "calls of the month have no price",
    "unassigned": "spend of the month belongs to no team",
    "silent": "a source sends nothing any more",
}
EACH: Final = ("team", "customer", "virtual_key", "model", "provider", "project")
"""Of what each may be watched by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What is watched, and who is told."""

    name: str
    kind: Kind | None
    """None takes the rule of that name back."""
    scope: Scope = "all"
    subject: str | None = None
    """The entry of a person of the directory as text, or the text that calls name; None for everything."""
    budget: str | None = None
    """The only budget that is watched; None for all."""
    source: str | None = None
    """The only source that is watched; None for all."""
    each: str | None = None
    """The dimension each value of which is watched by itself."""
    amount: Decimal | None = None
    """What is too much: calls, or units of the reporting currency."""
    percent: Decimal | None = None
    """What is too much, of all calls or of all spend."""
    hours: int | None = None
    """How long a source may be silent."""
    targets: tuple[str, ...] = ()
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0

    @property
    def stands(self) -> bool:
        """Whether it watches anything, and is not taken back."""
        return self.kind is not None


def standing(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """The rules that count, by name."""
    last = {one.name: one for one in sorted(rules, key=lambda one: (one.number, one.recorded_at))}
    return [last[name] for name in sorted(last) if last[name].stands]
