"""Alert rules: what is checked, and which targets get a message. `dashboard.alerts.store` stores them.

Rules are append-only: the last record of a name is valid, and a record without a kind removes the rule.
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
"""The dimensions whose values an anomaly rule can check one by one."""


@dataclass(frozen=True, slots=True)
class AlertKind:
    """A kind of alert."""

    key: str
    """The value of `--when` and of the column `kind`."""
    sentence: str
    """When an alert fires, to be read after the word "when"."""
    options: tuple[Option, ...]
    """The options that apply to this kind."""
    counts_calls: bool = False
    """Whether the limit is a number of calls; else it is an amount of money."""
    allows_share: bool = False
    """Whether the limit may be a percentage."""


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
"""Every kind of alert by its key. `dashboard.alerts.evaluate.EVALUATE` has the function of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """What is checked, and the targets that get a message."""

    name: str
    kind: str | None
    """The key of a kind; None removes the rule."""
    scope: Scope = "all"
    subject: str | None = None
    """A directory entry's number as text, or the name of a project or model; None for everything."""
    budget: str | None = None
    """The name of the budget that is checked; None for all budgets."""
    source: str | None = None
    """The source that is checked; None for all sources."""
    each: str | None = None
    """The dimension whose values are checked one by one; None to check their sum."""
    amount: Decimal | None = None
    """The limit, in calls or in units of the reporting currency."""
    percent: Decimal | None = None
    """The limit, in percent of all calls or of all spend."""
    hours: int | None = None
    """The longest time without calls of a source."""
    targets: tuple[str, ...] = ()
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0

    @property
    def is_active(self) -> bool:
        """Whether the rule has a kind: a record without one removes the rule."""
        return self.kind is not None

    @property
    def sentence(self) -> str:
        """When the rule fires, to be read after the word "when"; empty for a removed rule."""
        return KINDS[self.kind].sentence if self.kind else ""


def current_rules(rules: Iterable[AlertRule]) -> list[AlertRule]:
    """The rules that have not been replaced or removed, by name."""
    in_order = sorted(rules, key=lambda rule: (rule.number, rule.recorded_at))
    last = {rule.name: rule for rule in in_order}
    return [last[name] for name in sorted(last) if last[name].is_active]
