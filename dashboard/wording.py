"""Numbers and dates for people, in the manner of their locale: rounded for reading, exact nowhere.

Answers (`answer`) are the exact ones. Times are those of a 24-hour clock everywhere.
"""

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import Final

from babel.dates import format_date, format_skeleton
from babel.numbers import NumberPattern, parse_pattern

from dashboard import reader
from dashboard.catalogue import Metric, Unit, Value
from ingest.model.zone import instant

NOTHING: Final = "-"
_SHOWN_DECIMALS: Final = 6
_FINEST: Final = 12
_STEPS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_WHOLE: Final = 10_000
_TOLD_CHANGE: Final = 10
_LEAST_PART: Final = Decimal("0.001")


def number(value: float | Decimal, decimals: int = 0) -> str:
    """A number at so many decimals, its digits grouped."""
    return str(
        _pattern(reader.locale().decimal_formats[None].pattern, decimals).apply(value, reader.locale())
    )


@cache
def _pattern(pattern: str, decimals: int) -> NumberPattern:
    """A locale's pattern of numbers, such as `#,##0.###` or `#,##0 %`, at so many decimals."""
    whole = pattern.replace(".###", "")
    return parse_pattern(whole.replace("##0", f"##0.{'0' * decimals}") if decimals else whole)


def shown(metric: Metric, value: Value) -> str:
    """A metric's value: digits grouped, money at six decimals unless it is smaller."""
    if value is None:
        return NOTHING
    if isinstance(value, Decimal):
        rounded = round(value, _SHOWN_DECIMALS)
        return f"{value:.2g}" if value and not rounded else number(rounded, _SHOWN_DECIMALS)
    if metric.unit is Unit.RATIO:
        return percent(value)
    return number(value, 1 if isinstance(value, float) else 0)


def amount(value: Value, currency: str = "") -> str:
    """An amount of money: cents where it is large, three digits that count where it is small."""
    if not isinstance(value, Decimal):
        return NOTHING
    return f"{number(value, _decimals(value))} {currency}".rstrip()


def _decimals(value: Decimal) -> int:
    """Two, or as many as the first three digits that count need, without zeros at their end."""
    if abs(value) >= 1 or not value:
        return 2
    rounded = round(value, min(2 - value.adjusted(), _FINEST)).normalize()
    return max(2, -int(rounded.as_tuple().exponent))


def price(value: Decimal) -> str:
    """A price as it is published: every digit it has, two decimals at least."""
    digits = -int(value.normalize().as_tuple().exponent)
    return number(value, max(2, min(digits, _FINEST)))


def cost(text: str | None, currency: str) -> str:
    """What one call cost, from its plain decimal text."""
    return "unpriced" if text is None else amount(Decimal(text), currency)


def percent(ratio: Value) -> str:
    """A ratio in percent."""
    return NOTHING if ratio is None else _percent(ratio, 2)


def percent_of(part: Value, whole: Value) -> str:
    """A part of a whole in percent, at one decimal."""
    if part is None or not whole:
        return NOTHING
    ratio = Decimal(part) / Decimal(whole)
    return f"<{_percent(_LEAST_PART, 1)}" if 0 < ratio < _LEAST_PART / 2 else _percent(ratio, 1)


def _percent(ratio: float | Decimal, decimals: int) -> str:
    here = reader.locale()
    return str(_pattern(here.percent_formats[None].pattern, decimals).apply(ratio, here))


def points(now: Value, before: Value) -> str | None:
    """By how much a ratio has changed, in percentage points; None where there is nothing comparable."""
    if now is None or before is None:
        return None
    return f"{_signed(number((Decimal(str(now)) - Decimal(str(before))) * 100, 2))} points"


def _signed(text: str) -> str:
    return text if text.startswith(reader.locale().number_symbols["latn"]["minusSign"]) else f"+{text}"


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
            return number(value, 1)
        case _:
            return compact(value)


def separators() -> str:
    """What stands before decimals and between thousands, as plotly wants it."""
    symbols = reader.locale().number_symbols["latn"]
    return f"{symbols['decimal']}{symbols['group']}"


def day(at: date) -> str:
    """A day."""
    return str(format_date(at, "medium", locale=reader.locale()))


def day_of(at: int, zone: tzinfo) -> str:
    """The day of an instant (microseconds UTC) in the zone; with its hour where a day does not start there."""
    local = instant(at).astimezone(zone)
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return day(local.date()) if midnight else clock(local, zone, seconds=False)


def clock(at: datetime, zone: tzinfo, *, seconds: bool = True) -> str:
    """An instant as a calendar and a clock in the zone show it."""
    local = at.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M:%S}" if seconds else f"{day(local.date())}, {local:%H:%M}"


def moment(at: datetime, zone: tzinfo) -> str:
    """An instant without its year, for a narrow column."""
    local = at.astimezone(zone)
    return f"{format_skeleton('MMMd', local.date(), locale=reader.locale())}, {local:%H:%M:%S}"


def bucket(text: str, before: str = "") -> str:
    """A bucket of time (`dashboard.buckets.text`), short enough for an axis; an hour names its day where that is new."""
    here = reader.locale()
    if len(text) == len("2026-10"):
        return str(format_skeleton("yMMM", date.fromisoformat(f"{text}-01"), locale=here))
    in_short = str(format_skeleton("MMMd", date.fromisoformat(text[:10]), locale=here))
    if "T" not in text:
        return in_short
    return text[11:16] if text[:10] == before[:10] else f"{text[11:16]}<br>{in_short}"


def day_format() -> str:
    """How days are typed, in the words of dayjs: year, month and day as numbers in the locale's order."""
    pattern: str = re.sub("'[^']*'", "", reader.locale().datetime_skeletons["yMd"].pattern)
    plain = "".join(one for one in pattern if one.isprintable()).strip(" .")
    return plain.replace("y", "YYYY").replace("d", "D")


def first_weekday() -> int:
    """The day that weeks begin with on a calendar, 0 for Sunday."""
    return (reader.locale().first_week_day + 1) % 7


def compact(count: Value) -> str:
    """A count in three digits, such as 1.23 M; small ones in full."""
    if count is None:
        return NOTHING
    for step, letter in _STEPS:
        # What rounds to a thousand of a step is one of the next.
        if count >= max(step - step // 2000, _WHOLE):
            short = Decimal(count) / step
            return f"{number(short, max(0, min(2, 2 - short.adjusted())))} {letter}"
    return number(count)


def duration(milliseconds: Value) -> str:
    """A duration in milliseconds or seconds."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    return f"{number(seconds, 2)} s" if seconds >= 1 else f"{number(milliseconds)} ms"


def unpriced(count: int) -> str:
    """What is to be known of calls without a price."""
    if count == 1:
        return "1 call has no known price and is in no sum"
    return f"{number(count)} calls have no known price and are in no sum"


def change(now: Value, before: Value) -> str | None:
    """By how much a value has changed, in percent; None where there is nothing comparable."""
    if now is None or not before:
        return None
    ratio = (Decimal(now) - Decimal(before)) / abs(Decimal(before))
    if ratio >= _TOLD_CHANGE:
        return f"\N{MULTIPLICATION SIGN}{number(Decimal(now) / Decimal(before))}"
    return _signed(_percent(ratio, 1 if abs(ratio) < 1 else 0))
