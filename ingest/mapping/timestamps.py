"""Timestamps in the notations of tables, as microseconds since 1970-01-01 UTC.

A time without a zone is a local time. Its zone is stated in the mapping, or the row is refused. When clocks
go back, an hour occurs twice; when they go forward, an hour does not exist. The mapping states the meaning
of such times too.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ingest.mapping.numbers import WIDE_CONTEXT, Notation

Ambiguous = Literal["refuse", "earlier", "later"]
Nonexistent = Literal["refuse", "forward"]

ISO: Final = "iso"
UNITS: Final[dict[str, Decimal]] = {
    "seconds": Decimal(1_000_000),
    "milliseconds": Decimal(1_000),
    "microseconds": Decimal(1),
    "nanoseconds": Decimal("0.001"),
}
"""Units of a number since 1970, in microseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UTC_SUFFIXES: Final = (" UTC", " GMT", " Z")
"""Suffixes that some databases write in place of an offset."""


class NotATimestamp(ValueError):
    """A value that is not a timestamp in the stated notation; the message describes the expected value."""


@dataclass(frozen=True, slots=True)
class TimestampNotation:
    """The notation of the times in a column."""

    pattern: str = ISO
    """`iso`, a name of `UNITS`, or a pattern for strptime."""
    zone: ZoneInfo | None = None
    """The zone of times that state none."""
    ambiguous: Ambiguous = "refuse"
    nonexistent: Nonexistent = "refuse"
    numbers: Notation = field(default_factory=Notation)

    def microseconds(self, value: object) -> int:
        """Microseconds since 1970 UTC; digits after the microsecond are cut.

        Raises:
            NotATimestamp: the value is not a time in this notation, or is ambiguous.
        """
        if self.pattern in UNITS:
            return self._from_number(value)
        if not isinstance(value, str):
            raise NotATimestamp(
                'a time as text is expected; for a number state time.format, such as "seconds"'
            )
        time = self._from_text(value.strip())
        return ((time if time.tzinfo else self._localize(time)) - _EPOCH) // _MICROSECOND

    def _from_number(self, value: object) -> int:
        number = self.numbers.number(value)
        if number is None:
            raise NotATimestamp(f"a number of {self.pattern} since 1970 is expected")
        return int(WIDE_CONTEXT.multiply(number, UNITS[self.pattern]).to_integral_value(ROUND_FLOOR))

    def _from_text(self, text: str) -> datetime:
        try:
            if self.pattern != ISO:
                return datetime.strptime(text, self.pattern)  # noqa: DTZ007 - `_localize` adds the zone
            return datetime.fromisoformat(_with_offset(text))
        except ValueError:
            example = "2026-03-30T09:15:00Z" if self.pattern == ISO else self.pattern
            raise NotATimestamp(f"a time such as {example} is expected") from None

    def _localize(self, local_time: datetime) -> datetime:
        if self.zone is None:
            raise NotATimestamp("the time names no zone: state time.zone")
        first, second = (local_time.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        if before == after:
            return first
        assert before is not None, "a zone has an offset at every time"
        assert after is not None, "a zone has an offset at every time"
        return self._resolve(first, second, is_ambiguous=before > after)

    def _resolve(self, first: datetime, second: datetime, *, is_ambiguous: bool) -> datetime:
        """Resolve an ambiguous time as stated; shift a nonexistent time forward with the clocks (DST)."""
        choice = self.ambiguous if is_ambiguous else self.nonexistent
        if choice == "refuse":
            problem, key, allowed = (
                ("comes twice", "ambiguous", '"earlier" or "later"')
                if is_ambiguous
                else ("never comes", "nonexistent", '"forward"')
            )
            raise NotATimestamp(f"this time {problem} in {self.zone}: state time.{key} as {allowed}")
        return second if choice == "later" else first


def _with_offset(text: str) -> str:
    for suffix in _UTC_SUFFIXES:
        if text.endswith(suffix):
            return f"{text.removesuffix(suffix)}+00:00"
    return text
