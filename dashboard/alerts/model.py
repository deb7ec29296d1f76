"""Rules of alerts: what is watched, and who is told. Pure; `dashboard.alerts.store` keeps them.

Rules are only added: of those of one name the one recorded last counts, and one without a kind takes it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from dashboard.budgets.model import Scope

Option = Literal["budget", "source", "each", "above", "after", "subject"]
"""An option of a rule; `subject` is a team, customer, cost centre, key, project or model."""
OPTIONS: Final[tuple[Option, ...]] = get_args(Option)
EACH: Final = ("team", "customer", "virtual_key", "model", "provider", "project")
"""Of what each may be watched by itself."""


@dataclass(frozen=True, slots=True)
class AlertKind:
    """A kind of alert."""

    key: str
    """What people write after `--when`, and what the ledger keeps."""
    sentence: str
    """When it fires, as it is read after the word "when"."""
    options: tuple[Option, ...]
    """The options that mean something for it."""
    counts_calls: bool = False
    """Whether its limit counts calls; else it is an amount of money."""
    allows_share: bool = False
    """Whether its limit may be a share of the whole, in percent."""


_KINDS: Final = (
    AlertKind("budget", "a threshold of a budget is reached", ("budget", "subject")),
    AlertKind("forecast", "a budget will be exceeded if spending goes on like this", ("budget", "subject")),
    AlertKind(
        "anomaly",
        "a day's spend is far from what it was expected to be",
        ("each", "above", "subject"),
    ),
    AlertKind(
        "unpriced",
        "calls of the month have no price",
        ("above", "subject"),
        counts_calls=True,
        allows_share=True,
    ),
    AlertKind("unassigned", "spend of the month belongs to no team", ("above",), allows_share=True),
    AlertKind("silent", "a source sends nothing any more", ("source", "after")),
)
KINDS: Final = {kind.key: kind for kind in _KINDS}
"""Every kind of alert by its key. `dashboard.alerts.evaluate.EVALUATE` has the function that looks for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What is watched, and who is told."""

    name: str
    kind: str | None
    """The key of a kind; None takes the rule of that name back."""
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

    @property
    def sentence(self) -> str:
        """When it fires, as it is read after the word "when"; nothing for a rule that is taken back."""
        return KINDS[self.kind].sentence if self.kind else ""


def current_rules(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """The rules that count, by name."""
    last = {one.name: one for one in sorted(rules, key=lambda one: (one.number, one.recorded_at))}
    return [last[name] for name in sorted(last) if last[name].stands]
