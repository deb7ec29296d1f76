"""The texts of alerts: what each kind says of what it found. Amounts of money are given to the cent.

`currency` is the reporting currency of the ledger.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboard.budgets.usage import BudgetUsage
from dashboard.forecasting.anomaly import Verdict
from dashboard.forecasting.forecast import Forecast
from ingest.model import money


class Text(NamedTuple):
    """What is told of an alert."""

    title: str
    text: str


def trial(rule: str) -> Text:
    """A message that shows whether it arrives."""
    return Text(f"{rule}: a trial", "This is a trial. Nothing is out of line.")


def threshold_reached(usage: BudgetUsage, currency: str) -> Text:
    """A budget's highest threshold that is reached."""
    used, limit = (in_unit(usage, amount, currency) for amount in (usage.used, usage.limit))
    share = "" if usage.share is None else f" ({float(usage.share):.1%})"
    return Text(
        f"{usage.budget.name}: {usage.reached}% of the budget is used",
        f"Used by {usage.about.words} from {usage.first} to {_last_day(usage)}: {used} of {limit}{share}."
        f"{_left_out(usage)}",
    )


def budget_will_be_exceeded(usage: BudgetUsage, outlook: Forecast, currency: str) -> Text:
    """A budget whose forecast is above its limit."""
    limit, used, expected, low, high = (
        in_unit(usage, amount, currency)
        for amount in (usage.limit, usage.used, outlook.expected, outlook.low, outlook.high)
    )
    return Text(
        f"{usage.budget.name}: the budget will be exceeded",
        f"Expected of {usage.about.words} until {_last_day(usage)}: {expected} (four times of five {low} to {high}). "
        f"The limit is {limit}; used so far: {used}.{_left_out(usage)}",
    )


def unusual_day(words: str, verdict: Verdict, *, is_today: bool, currency: str) -> Text:
    """A day whose spend is far from what was expected of it; `words` say whose spend."""
    value, expected, low, high = (
        to_the_cent(amount, currency)
        for amount in (verdict.value, verdict.expected, verdict.low, verdict.high)
    )
    so_far = " so far" if is_today else ""
    return Text(
        f"{words}: {value} on {verdict.day} is far {direction(verdict)} what was expected",
        f"{value}{so_far} on {verdict.day}, where {expected} was expected and {low} to {high} would be usual. "
        f"Compared with {verdict.compared_with}.",
    )


def direction(verdict: Verdict) -> str:
    """Whether a day was above or below what was expected of it."""
    return "above" if verdict.value > verdict.expected else "below"


def calls_without_price(words: str, unpriced: int, calls: int, month: str) -> Text:
    """Calls of a month that have no price; `words` say whose calls."""
    return Text(
        f"{unpriced:,} calls have no price",
        f"{unpriced:,} of {calls:,} calls of {words} in {month} have no price, so that their cost is unknown "
        "and in no total. `tallybook prices list --unpriced` says of which models.",
    )


def spend_without_team(amount: int, total: int, month: str, currency: str) -> Text:
    """Spend of a month that belongs to no team, and all spend of it."""
    unassigned = to_the_cent(amount, currency)
    return Text(
        f"{unassigned} belongs to no team",
        f"{unassigned} of {to_the_cent(total, currency)} spent in {month} belongs to no team. "
        "`tallybook owner unassigned` says by which keys.",
    )


def silent_source(source: str, last_call: datetime, hours: int) -> Text:
    """A source that has sent nothing for some hours; the last call is given in its own zone."""
    return Text(
        f"{source} is silent",
        f"The last call from {source} was on {last_call:%Y-%m-%d at %H:%M}, more than {hours} hours ago.",
    )


def to_the_cent(pico: int, currency: str) -> str:
    """An amount of money."""
    return f"{money.from_pico(pico).quantize(Decimal('0.01')):,} {currency}"


def in_unit(usage: BudgetUsage, amount: int, currency: str) -> str:
    """An amount of a budget: money or tokens."""
    return f"{amount:,} tokens" if usage.budget.tokens is not None else to_the_cent(amount, currency)


def _last_day(usage: BudgetUsage) -> date:
    return usage.end - timedelta(days=1)


def _left_out(usage: BudgetUsage) -> str:
    """The calls that a budget's use leaves out, as a sentence; nothing where there are none."""
    if not usage.unpriced_requests:
        return ""
    return f" {usage.unpriced_requests:,} calls have no price and are not in it."
