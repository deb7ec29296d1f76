"""The titles and texts of alerts, a function for each kind. Amounts of money are rounded to the cent.

`currency` is the reporting currency of the ledger.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboard.budget_usage.usage import BudgetUsage
from dashboard.budgets.model import COUNTS
from dashboard.forecasting.anomaly import Verdict
from dashboard.forecasting.forecast import Forecast
from ingest.model import money


class Text(NamedTuple):
    """The title and the text of an alert."""

    title: str
    text: str


def trial(rule: str) -> Text:
    """A trial message, to see whether it arrives."""
    return Text(f"{rule}: a trial", "This is a trial. Nothing is out of line.")


def threshold_reached(usage: BudgetUsage, currency: str) -> Text:
    """A budget has reached a threshold."""
    used, limit = (in_unit(usage, amount, currency) for amount in (usage.used, usage.limit))
    share = "" if usage.share is None else f" ({float(usage.share):.1%})"
    return Text(
        f"{usage.budget.name}: {usage.reached}% of the budget is used",
        f"Used by {usage.about.words} from {usage.first} to {_last_day(usage)}: {used} of {limit}{share}."
        f"{_left_out(usage)}",
    )


def budget_will_be_exceeded(usage: BudgetUsage, outlook: Forecast, currency: str) -> Text:
    """The forecast of a budget is above its limit."""
    limit, used, expected, low, high = (
        in_unit(usage, amount, currency)
        for amount in (usage.limit, usage.used, outlook.expected, outlook.low, outlook.high)
    )
    return Text(
        f"{usage.budget.name}: the budget will be exceeded",
        f"Expected of {usage.about.words} until {_last_day(usage)}: {expected} "
        f"(four times of five {low} to {high}). The limit is {limit}; used so far: {used}.{_left_out(usage)}",
    )


def unusual_day(words: str, verdict: Verdict, *, is_today: bool, currency: str) -> Text:
    """The spend of a day is far from the expected value; `words` name whose spend it is."""
    value, expected, low, high = (
        to_the_cent(amount, currency)
        for amount in (verdict.value, verdict.expected, verdict.low, verdict.high)
    )
    so_far = " so far" if is_today else ""
    return Text(
        f"{words}: {value} on {verdict.day} is far {direction(verdict)} what was expected",
        f"{value}{so_far} on {verdict.day}, where {expected} was expected "
        f"and {low} to {high} would be usual. Compared with {verdict.compared_with}.",
    )


def direction(verdict: Verdict) -> str:
    """Whether a day was above or below the expected value."""
    return "above" if verdict.value > verdict.expected else "below"


def calls_without_price(words: str, unpriced: int, calls: int, month: str) -> Text:
    """Calls of a month have no price; `words` name whose calls they are."""
    return Text(
        f"{unpriced:,} calls have no price",
        f"{unpriced:,} of {calls:,} calls of {words} in {month} have no price, so that their cost is unknown "
        "and in no total. `tallybook prices list --unpriced` says of which models.",
    )


def spend_without_team(amount: int, total: int, month: str, currency: str) -> Text:
    """Spend of a month belongs to no team; `total` is all spend of the month."""
    unassigned = to_the_cent(amount, currency)
    return Text(
        f"{unassigned} belongs to no team",
        f"{unassigned} of {to_the_cent(total, currency)} spent in {month} belongs to no team. "
        "`tallybook owner unassigned` says by which keys.",
    )


def silent_source(source: str, last_call: datetime, hours: int) -> Text:
    """A source has sent no calls for some hours; `last_call` is in the zone to be shown."""
    return Text(
        f"{source} is silent",
        f"The last call from {source} was on {last_call:%Y-%m-%d at %H:%M}, more than {hours} hours ago.",
    )


def to_the_cent(pico: int, currency: str) -> str:
    """An amount of money as text."""
    return f"{money.from_pico(pico).quantize(Decimal('0.01')):,} {currency}"


def in_unit(usage: BudgetUsage, amount: int, currency: str) -> str:
    """An amount in the unit of the budget, money or tokens, as text."""
    return f"{amount:,} tokens" if usage.budget.tokens is not None else to_the_cent(amount, currency)


def _last_day(usage: BudgetUsage) -> date:
    return usage.end - timedelta(days=1)


def _left_out(usage: BudgetUsage) -> str:
    """Sentences about what the budget counts, and about unpriced calls, which the usage leaves out."""
    counts = "" if usage.budget.tokens is not None else f" It counts {COUNTS[usage.budget.counts]}."
    if not usage.unpriced_requests:
        return counts
    return f"{counts} {usage.unpriced_requests:,} calls have no price and are not in it."
