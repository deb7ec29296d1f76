"""Numbers in words and figures for people: rounded for reading, exact nowhere. Answers (`answer`) are the exact ones."""

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from dashboard.catalogue import Metric, Unit, Value

NOTHING: Final = "-"
_SHOWN_DECIMALS: Final = 6
_STEPS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_WHOLE: Final = 10_000
_TOLD_CHANGE: Final = 10
_LEAST_PART: Final = Decimal("0.001")


def shown(metric: Metric, value: Value) -> str:
    """A metric's value: digits grouped, money at six decimals unless it is smaller."""
    if value is None:
        return NOTHING
    if isinstance(value, Decimal):
        rounded = round(value, _SHOWN_DECIMALS)
        return f"{value:.2g}" if value and not rounded else f"{rounded:,f}"
    if metric.unit is Unit.RATIO:
        return percent(value)
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def amount(value: Value, currency: str = "") -> str:
    """An amount of money: cents where it is large, three digits that count where it is small."""
    if not isinstance(value, Decimal):
        return NOTHING
    size = abs(value)
    if size >= 1 or not size:
        text = f"{value:,.2f}"
    else:
        text = f"{value:.{min(2 - size.adjusted(), 12)}f}".rstrip("0")
    return f"{text} {currency}".rstrip()


def cost(text: str | None, currency: str) -> str:
    """What one call cost, from its plain decimal text."""
    return "unpriced" if text is None else amount(Decimal(text), currency)


def exact(value: Decimal) -> str:
    """A decimal with every digit it has, and no others."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(ratio: Value) -> str:
    """A ratio in percent."""
    return NOTHING if ratio is None else f"{ratio:.2%}"


def percent_of(part: Value, whole: Value) -> str:
    """A part of a whole in percent, at one decimal."""
    if part is None or not whole:
        return NOTHING
    ratio = Decimal(part) / Decimal(whole)
    return f"<{_LEAST_PART:.1%}" if 0 < ratio < _LEAST_PART / 2 else f"{ratio:.1%}"


def points(now: Value, before: Value) -> str | None:
    """By how much a ratio has changed, in percentage points; None where there is nothing comparable."""
    if now is None or before is None:
        return None
    return f"{(Decimal(str(now)) - Decimal(str(before))) * 100:+.2f} points"


def brief(metric: Metric, value: Value, currency: str = "") -> str:
    """A metric's value for a table: three or four digits that count, with its unit."""
    if value is None:
        return NOTHING
    match metric.unit:
        case Unit.MONEY:
            return amount(value, currency)
        case Unit.RATIO:
            return percent(value)
        case Unit.MILLISECONDS:
            return duration(value)
        case Unit.PER_SECOND:
            return f"{value:,.1f}"
        case _:
            return compact(value)


def clock(at: datetime, zone: tzinfo, *, seconds: bool = True) -> str:
    """An instant as a clock in the zone shows it."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def compact(count: Value) -> str:
    """A count in at most four digits, such as 1.23 M; small ones in full."""
    if count is None:
        return NOTHING
    for step, letter in _STEPS:
        if count >= max(step, _WHOLE):
            return f"{count / step:.3g} {letter}" if count < 1000 * step else f"{count / step:,.0f} {letter}"
    return f"{count:,}"


def duration(milliseconds: Value) -> str:
    """A duration in milliseconds or seconds."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{milliseconds:,.0f} ms"


def unpriced(count: int) -> str:
    """What is to be known of calls without a price."""
    if count == 1:
        return "1 call has no known price and is in no sum"
    return f"{count:,} calls have no known price and are in no sum"


def change(now: Value, before: Value) -> str | None:
    """By how much a value has changed, in percent; None where there is nothing comparable."""
    if now is None or not before:
        return None
    ratio = (Decimal(now) - Decimal(before)) / abs(Decimal(before))
    if abs(ratio) >= _TOLD_CHANGE:
        return None
    return f"{ratio:+.1%}" if abs(ratio) < 1 else f"{ratio:+.0%}"
