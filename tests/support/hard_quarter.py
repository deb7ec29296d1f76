"""A hard quarter as data: calls from a seed, and what people record about them, step by step.

The reporting zone is Europe/Berlin, whose clocks change on 2025-10-26. Statements are in EUR, calls are
priced in USD, EUR and CNY. `Facts` is what is known at a moment: `tests.support.quarter_oracle` works amounts
out from it, `tests.support.quarter_play` gives the same to the product.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Berlin")
PICO: Final = 10**12
ALWAYS: Final = date(1970, 1, 1)
MONTHS: Final = ("2025-10", "2025-11", "2025-12", "2026-01")
"""The quarter, and the month that stays open."""

MODELS: Final = {
    "atlas": ("acme", "USD"),
    "nova": ("acme", "USD"),
    "fjord": ("nord", "EUR"),
    "lotus": ("hua", "CNY"),
}
"""The provider of each model, and the currency of its prices."""
RATES: Final = tuple(
    (date(2025, 9, 30) + timedelta(days=5 * at), currency, Fraction(start + step * at * (-1) ** at, 10**6))
    for currency, start, step in (("USD", 861_237, 313), ("CNY", 120_911, 77))
    for at in range(26)
)
"""What one unit is worth in EUR, quoted every five days."""
DISCOUNTS: Final = (("acme", Fraction(7, 100), date(2025, 10, 16)),)
MARKUPS: Final = (
    ("all", Fraction(4, 100), date(2025, 11, 1)),
    ("team:ads", Fraction(65, 1000), date(2025, 10, 10)),
)
"""A mark-up of a team is on calls that the gateway names as the team's."""
TEAMS: Final = {"search": "CC-1", "ads": "CC-2", "lab": "CC-3", "ops": "CC-3"}
CENTERS: Final = {"CC-1": "6400", "CC-2": "6500", "CC-3": "6600"}


@dataclass(frozen=True)
class Call:
    """A call; `reported` is what its source says that it cost, in pico-units of the model's currency."""

    name: str
    at: datetime
    key: str
    model: str
    input: int
    output: int
    team: str | None = None
    project: str | None = None
    reported: int | None = None

    @property
    def day(self) -> date:
        return self.at.astimezone(ZONE).date()


class Price(NamedTuple):
    """Per million tokens from a day on."""

    model: str
    input: Fraction
    output: Fraction
    since: date


class Owned(NamedTuple):
    """Who owns the calls of a key or project from a day on; shares are parts."""

    kind: str
    subject: str
    teams: dict[str, int]
    since: date


class Fee(NamedTuple):
    """A fee from a day on; the same name from a later day changes it there."""

    name: str
    amount: Fraction
    since: date
    currency: str = "EUR"
    every: str = "month"
    kind: str = "platform"
    team: str | None = None
    provider: str | None = None


class Rule(NamedTuple):
    """How a pool is shared from a day on."""

    pool: str
    method: str
    since: date


@dataclass(frozen=True)
class Facts:
    """What is known at a moment. Later entries of a list stand before earlier ones."""

    calls: dict[str, Call] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()
    owned: tuple[Owned, ...] = ()
    fees: tuple[Fee, ...] = ()
    rules: tuple[Rule, ...] = ()

    def plus(self, more: "Facts") -> "Facts":
        return Facts(
            self.calls | more.calls,
            self.prices + more.prices,
            self.owned + more.owned,
            self.fees + more.fees,
            self.rules + more.rules,
        )


class Close(NamedTuple):
    """A month is closed."""

    month: str


class Reopen(NamedTuple):
    """A closed month is opened again."""

    month: str


class Invoiced(NamedTuple):
    """The documents of a provider about a month; what differs is booked to a team."""

    month: str
    provider: str
    currency: str
    documents: tuple[tuple[str, Fraction], ...]
    accepted_by: str | None = None


Step = Facts | Close | Reopen | Invoiced


def _calls(seed: int, label: str, first: date, days: int, count: int) -> dict[str, Call]:
    """Calls on random days, the first at the edges of the months and of the clock change."""
    draw = random.Random(f"{seed} {label}")
    edges = [datetime(2025, 10, 31, 22, 59, 59, 999_999, UTC), datetime(2025, 10, 31, 23, tzinfo=UTC)]
    edges += [datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)]
    edges += [datetime(2025, 11, 30, 22, 59, 59, tzinfo=UTC), datetime(2025, 11, 30, 23, tzinfo=UTC)]
    start = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    made = {}
    for at in range(count):
        moment = start + timedelta(seconds=draw.randrange(-43_000, days * 86_400 - 43_200))
        model = draw.choice(tuple(MODELS))
        made[f"{label}-{at}"] = Call(
            f"{label}-{at}",
            edges[at] if days > 31 and at < len(edges) else moment,
            draw.choice(("web", "batch", "trio", "lab-key", "stray")),
            model,
            draw.randrange(1, 900_000),
            draw.randrange(0, 90_000),
            draw.choice((None, None, "ads", "search")),
            draw.choice((None, None, None, "pilot")),
            draw.randrange(1, 3 * PICO) if draw.random() < 0.15 and model != "nova" else None,
        )
    return made


def _revised(calls: dict[str, Call], seed: int, count: int) -> dict[str, Call]:
    """Later versions of some computed calls: more tokens at the same time."""
    draw = random.Random(f"{seed} revised")
    chosen = draw.sample([one for one in calls.values() if one.reported is None], count)
    return {one.name: replace(one, input=one.input + 71_003, output=one.output + 997) for one in chosen}


def _day(text: str) -> date:
    return date.fromisoformat(text)


def steps(seed: int, count: int = 300) -> list[Step]:
    """What happens, in order."""
    usual = _calls(seed, "usual", _day("2025-10-01"), 92, count)
    october = {name: one for name, one in usual.items() if str(one.day) < "2025-11" and one.model != "nova"}
    first = Facts(
        prices=(
            Price("atlas", Fraction("2.1234567"), Fraction("10.7654321"), ALWAYS),
            Price("fjord", Fraction("1.0000003"), Fraction("4.3333337"), ALWAYS),
            Price("lotus", Fraction("7.7777777"), Fraction("30.1"), ALWAYS),
            Price("atlas", Fraction("1.9876543"), Fraction("9.1"), _day("2025-11-11")),
        ),
        owned=(
            Owned("key", "web", {"search": 1}, ALWAYS),
            Owned("key", "batch", {"search": 1}, ALWAYS),
            Owned("key", "batch", {"ads": 1}, _day("2025-10-16")),
            Owned("key", "trio", {"search": 1, "ads": 1, "lab": 1}, _day("2025-10-01")),
            Owned("key", "lab-key", {"lab": 1}, ALWAYS),
            Owned("project", "pilot", {"ops": 1}, _day("2025-11-08")),
        ),
        fees=(
            Fee("Licence", Fraction(300), _day("2025-10-01")),
            Fee("Licence", Fraction("411.11"), _day("2025-11-17")),
            Fee("Reserved", Fraction("744.01"), _day("2025-10-16"), "USD", team="lab", provider="acme"),
            Fee("Reserved", Fraction("800"), _day("2025-12-01"), "USD", team="lab", provider="acme"),
            Fee("VAT", Fraction("19.03"), _day("2025-10-01"), kind="tax"),
            Fee("Grant", Fraction(-50), _day("2025-11-10"), every="once", kind="credit"),
        ),
        rules=(
            Rule("fees", "cost", _day("2025-10-01")),
            Rule("fees", "even", _day("2025-11-16")),
            Rule("fee:Licence", "tokens", _day("2025-12-10")),
            Rule("unassigned", "tokens", _day("2025-10-10")),
            Rule("unassigned", "requests", _day("2025-12-01")),
        ),
    )
    return [
        first,
        Facts(calls=usual),
        Close("2025-10"),
        Facts(calls=_calls(seed, "late", _day("2025-10-02"), 28, 12)),
        Facts(calls=_revised(october, seed, 5)),
        Facts(prices=(Price("nova", Fraction("3.3333333"), Fraction("12"), ALWAYS),)),
        Invoiced("2025-10", "acme", "USD", (("A-1", Fraction("61.37")), ("A-2", Fraction("900.00"))), "lab"),
        Invoiced("2025-10", "acme", "USD", (("CR-1", Fraction("-12.34")),), None),
        Invoiced("2025-10", "hua", "CNY", (("H-1", Fraction("150.00")),), None),
        Close("2025-11"),
        Facts(calls=_calls(seed, "later", _day("2025-10-03"), 55, 12)),
        Facts(owned=(Owned("key", "web", {"ops": 2, "search": 3}, _day("2025-11-21")),)),
        Facts(fees=(Fee("Licence", Fraction(330), _day("2025-10-01")),)),
        Close("2025-12"),
        Facts(calls=_calls(seed, "latest", _day("2025-11-02"), 27, 8)),
        Reopen("2025-11"),
        Facts(rules=(Rule("unassigned", "even", _day("2025-11-20")),)),
        Close("2025-11"),
        Facts(calls=_calls(seed, "last", _day("2025-10-02"), 88, 9)),
        Facts(prices=(Price("lotus", Fraction("7.1"), Fraction("28.9999999"), _day("2025-12-05")),)),
    ]
