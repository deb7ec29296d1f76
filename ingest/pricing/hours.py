"""Hours of the week in which a price applies: `mon-fri 00:30-16:30,20:00-24:00; sat,sun 00:00-24:00`, in UTC.

Without days, every day is meant. A range of hours that ends before it starts runs over midnight, a range of
days that ends before it starts over Sunday.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
_MINUTE: Final = 60_000_000
_EPOCH_AT: Final = 3 * DAY
"""1970-01-01 was a Thursday; a week starts on Monday."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE: Final = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")

Span = tuple[int, int]
"""Minutes of the week: from the first, up to the second."""


class HoursRefused(ValueError):
    """Hours that cannot be read; the message says what they look like."""


@lru_cache(maxsize=256)
def spans(text: str) -> tuple[Span, ...]:
    """The spans of the week that `text` names; an empty text, which means always, gives none.

    Raises:
        HoursRefused: the text is not in the format above.
    """
    return tuple(sorted(set(_spans(text.strip().lower()))))


def minute(at: int) -> int:
    """The minute of the week of an instant (microseconds UTC)."""
    return (at // _MINUTE + _EPOCH_AT) % WEEK


def covers(text: str, at: int) -> bool:
    """Whether an instant (microseconds UTC) falls into these hours."""
    now = minute(at)
    return not text.strip() or any(start <= now < end for start, end in spans(text))


def next_within(text: str, at: int) -> int:
    """The first instant from `at` on that falls into these hours."""
    if covers(text, at):
        return at
    now = minute(at)
    wait = min((start - now) % WEEK for start, _ in spans(text))
    return (at // _MINUTE + wait) * _MINUTE


def _spans(text: str) -> Iterator[Span]:
    if not text:
        return
    for part in (part.strip() for part in text.split(";")):
        days, _, ranges = part.rpartition(" ")
        for day in _day_numbers(days, text):
            for range_text in ranges.split(","):
                yield from _spans_of_range(day, range_text, text)


def _spans_of_range(day: int, range_text: str, text: str) -> Iterator[Span]:
    match = _RANGE.fullmatch(range_text.strip())
    if match is None:
        raise _refused(text)
    hours = [int(digits) for digits in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if start >= DAY or end > DAY or start == end or max(hours[1], hours[3]) > 59:  # noqa: PLR2004
        raise _refused(text)
    begin = day * DAY
    if start < end:
        yield begin + start, begin + end
    else:
        yield begin + start, begin + DAY
        if end:
            after = (day + 1) % 7 * DAY
            yield after, after + end


def _day_numbers(text_of_days: str, text: str) -> Sequence[int]:
    if not text_of_days:
        return range(7)
    days: list[int] = []
    for part in text_of_days.split(","):
        first, dash, last = part.strip().partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise _refused(text)
        start = _DAYS.index(first)
        length = (_DAYS.index(last) - start) % 7 if dash else 0
        days.extend((start + day) % 7 for day in range(length + 1))
    if not days:
        raise _refused(text)
    return days


def _refused(text: str) -> HoursRefused:
    return HoursRefused(f'hours are written like "mon-fri 00:30-16:30,20:00-24:00" (UTC), not {text!r}')
