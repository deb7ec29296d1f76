"""Numbers and dates as text for people, in the locale of the reader, rounded for reading.

JSON and CSV (`answer`) hold exact values. Times are on a 24-hour clock in every locale.
"""

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import Final

from babel.dates import format_date, format_skeleton
from babel.numbers import NumberPattern, parse_pattern

from dashboard.formatting import locale as reader
from dashboard.query.catalogue import Metric, Unit, Value
from ingest.model.zone import instant

NOTHING: Final = "-"
_MONEY_DECIMALS: Final = 6
_MAX_DECIMALS: Final = 12
_STEPS: Final = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_FIRST_SHORTENED: Final = 10_000
"""Counts below this are written in full."""
_FIRST_MULTIPLE: Final = 10
"""A growth of this ratio or more is written as a multiple, not in percent."""
_SMALLEST_SHARE: Final = Decimal("0.001")


def number(value: float | Decimal, decimals: int = 0) -> str:
    """A number with a fixed count of decimals, its digits grouped."""
    locale = reader.current_locale()
    return str(_pattern(locale.decimal_formats[None].pattern, decimals).apply(value, locale))


@cache
def _pattern(pattern: str, decimals: int) -> NumberPattern:
    """A locale's number pattern, such as `#,##0.###` or `#,##0 %`, with a fixed count of decimals."""
    whole = pattern.replace(".###", "")
    return parse_pattern(whole.replace("##0", f"##0.{'0' * decimals}") if decimals else whole)


def metric_value(metric: Metric, value: Value) -> str:
    """A metric's value in full, digits grouped; money has six decimals, or two digits if it is smaller."""
    if value is None:
        return NOTHING
    if isinstance(value, Decimal):
        rounded = round(value, _MONEY_DECIMALS)
        return f"{value:.2g}" if value and not rounded else number(rounded, _MONEY_DECIMALS)
    if metric.unit is Unit.RATIO:
        return percent(value)
    return number(value, 1 if isinstance(value, float) else 0)


def amount(value: Value, currency: str = "") -> str:
    """An amount of money: two decimals from 1 up, three significant digits below."""
    if not isinstance(value, Decimal):
        return NOTHING
    return f"{number(value, _decimals(value))} {currency}".rstrip()


def _decimals(value: Decimal) -> int:
    """Two, or as many decimals as three significant digits need, without trailing zeros."""
    if abs(value) >= 1 or not value:
        return 2
    rounded = round(value, min(2 - value.adjusted(), _MAX_DECIMALS)).normalize()
    return max(2, -int(rounded.as_tuple().exponent))


def price(value: Decimal) -> str:
    """A price as it is published: all its digits, and at least two decimals."""
    digits = -int(value.normalize().as_tuple().exponent)
    return number(value, max(2, min(digits, _MAX_DECIMALS)))


def call_cost(text: str | None, currency: str) -> str:
    """The cost of a call, from its plain decimal text; None is an unpriced call."""
    return "unpriced" if text is None else amount(Decimal(text), currency)


def percent(ratio: Value) -> str:
    """A ratio in percent, with two decimals."""
    return NOTHING if ratio is None else _percent(ratio, 2)


def percent_of(part: Value, whole: Value) -> str:
    """A part of a whole in percent, with one decimal."""
    if part is None or not whole:
        return NOTHING
    ratio = Decimal(part) / Decimal(whole)
    return f"<{_percent(_SMALLEST_SHARE, 1)}" if 0 < ratio < _SMALLEST_SHARE / 2 else _percent(ratio, 1)


def _percent(ratio: float | Decimal, decimals: int) -> str:
    locale = reader.current_locale()
    return str(_pattern(locale.percent_formats[None].pattern, decimals).apply(ratio, locale))


def points_change(current: Value, previous: Value) -> str | None:
    """The change of a ratio in percentage points; None if either value is unknown."""
    if current is None or previous is None:
        return None
    return f"{_signed(number((Decimal(str(current)) - Decimal(str(previous))) * 100, 2))} points"


def _signed(text: str) -> str:
    minus = reader.current_locale().number_symbols["latn"]["minusSign"]
    return text if text.startswith(minus) else f"+{text}"


def short_metric_value(metric: Metric, value: Value, currency: str = "") -> str:
    """A metric's value for a table: three or four significant digits with the unit."""
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
    """The decimal and the group separator, as plotly's layout option `separators` wants them."""
    symbols = reader.current_locale().number_symbols["latn"]
    return f"{symbols['decimal']}{symbols['group']}"


def day(at: date) -> str:
    """A day with its year."""
    return str(format_date(at, "medium", locale=reader.current_locale()))


def day_of(at: int, zone: tzinfo) -> str:
    """The day of an instant (microseconds UTC) in the zone, with its time if that is not midnight."""
    local = instant(at).astimezone(zone)
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return day(local.date()) if midnight else date_time(local, zone, seconds=False)


def date_time(at: datetime, zone: tzinfo, *, seconds: bool = True) -> str:
    """The day and the time of an instant in the zone."""
    local = at.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M:%S}" if seconds else f"{day(local.date())}, {local:%H:%M}"


def short_date_time(at: datetime, zone: tzinfo) -> str:
    """The day, without its year, and the time of an instant in the zone, for a narrow column."""
    local = at.astimezone(zone)
    return f"{format_skeleton('MMMd', local.date(), locale=reader.current_locale())}, {local:%H:%M:%S}"


def bucket_label(text: str, previous: str = "") -> str:
    """The label of a time bucket (`dashboard.query.buckets.text`) on an axis.

    An hour shows its day where `previous`, the bucket before it, is of another day.
    """
    locale = reader.current_locale()
    if len(text) == len("2026-10"):
        return str(format_skeleton("yMMM", date.fromisoformat(f"{text}-01"), locale=locale))
    short_day = str(format_skeleton("MMMd", date.fromisoformat(text[:10]), locale=locale))
    if "T" not in text:
        return short_day
    return text[11:16] if text[:10] == previous[:10] else f"{text[11:16]}<br>{short_day}"


def day_format() -> str:
    """The format of typed days for dayjs: year, month and day as numbers in the locale's order."""
    pattern: str = re.sub("'[^']*'", "", reader.current_locale().datetime_skeletons["yMd"].pattern)
    plain = "".join(character for character in pattern if character.isprintable()).strip(" .")
    return plain.replace("y", "YYYY").replace("d", "D")


def first_weekday() -> int:
    """The first day of a calendar's week, 0 for Sunday."""
    return (reader.current_locale().first_week_day + 1) % 7


def compact(count: Value) -> str:
    """A count in three digits, such as 1.23 M; a count below 10,000 in full."""
    if count is None:
        return NOTHING
    for step, letter in _STEPS:
        # A count that would round to 1,000 of a unit is 1 of the next larger unit.
        if count >= max(step - step // 2000, _FIRST_SHORTENED):
            short = Decimal(count) / step
            return f"{number(short, max(0, min(2, 2 - short.adjusted())))} {letter}"
    return number(count)


def duration(milliseconds: Value) -> str:
    """A duration in seconds from one second up, in milliseconds below."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    return f"{number(seconds, 2)} s" if seconds >= 1 else f"{number(milliseconds)} ms"


def unpriced_notice(count: int) -> str:
    """A sentence, without its period, that says how many calls have no price."""
    if count == 1:
        return "1 call has no known price and is in no sum"
    return f"{number(count)} calls have no known price and are in no sum"


def relative_change(current: Value, previous: Value) -> str | None:
    """The change of a value in percent, or as a multiple if it is large; None without a previous value."""
    if current is None or not previous:
        return None
    ratio = (Decimal(current) - Decimal(previous)) / abs(Decimal(previous))
    if ratio >= _FIRST_MULTIPLE:
        return f"\N{MULTIPLICATION SIGN}{number(Decimal(current) / Decimal(previous))}"
    return _signed(_percent(ratio, 1 if abs(ratio) < 1 else 0))
