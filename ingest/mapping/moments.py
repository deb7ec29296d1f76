"""Moments: times as tables write them, as microseconds since 1970-01-01 UTC.

A time that names no zone is a time of day somewhere, and that place is stated in the mapping or the row is refused. When
clocks go back an hour comes twice, when they go forward one never comes: what such a time means is stated too.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final, Literal
from zoneinfo import ZoneInfo

from ingest.mapping.figures import WIDE, Notation

Twice = Literal["refuse", "earlier", "later"]
Never = Literal["refuse", "forward"]

ISO: Final = "iso"
UNITS: Final[dict[str, Decimal]] = {
    "seconds": Decimal(1_000_000),
    "milliseconds": Decimal(1_000),
    "microseconds": Decimal(1),
    "nanoseconds": Decimal("0.001"),
}
"""Since 1970, in microseconds each."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SPOKEN: Final = (" UTC", " GMT", " Z")
"""What some databases write after a time, in place of an offset."""


class NoMoment(ValueError):
    """A value that names no instant; the message says what it should look like."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How the times of a column are written."""

    form: str = ISO
    """`iso`, a name of `UNITS`, or a pattern for strptime."""
    zone: ZoneInfo | None = None
    """Where times without a zone were taken."""
    twice: Twice = "refuse"
    never: Never = "refuse"
    notation: Notation = field(default_factory=Notation)

    def instant(self, value: object) -> int:
        """Microseconds since 1970 UTC; digits after the microsecond are cut.

        Raises:
            NoMoment: the value is no time of this form, or names no instant.
        """
        if self.form in UNITS:
            return self._counted(value)
        if not isinstance(value, str):
            raise NoMoment('a time as text is expected; for a number state time.format, such as "seconds"')
        when = self._parsed(value.strip())
        return ((when if when.tzinfo else self._placed(when)) - _EPOCH) // _MICROSECOND

    def _counted(self, value: object) -> int:
        number = self.notation.number(value)
        if number is None:
            raise NoMoment(f"a number of {self.form} since 1970 is expected")
        return int(WIDE.multiply(number, UNITS[self.form]).to_integral_value(ROUND_FLOOR))

    def _parsed(self, text: str) -> datetime:
        try:
            if self.form != ISO:
                return datetime.strptime(text, self.form)  # noqa: DTZ007 - `_placed` gives it its zone
            return datetime.fromisoformat(_with_offset(text))
        except ValueError:
            like = "2026-03-30T09:15:00Z" if self.form == ISO else self.form
            raise NoMoment(f"a time such as {like} is expected") from None

    def _placed(self, when: datetime) -> datetime:
        if self.zone is None:
            raise NoMoment("the time names no zone: state time.zone")
        first, second = (when.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        if before == after:
            return first
        assert before is not None, "a zone has an offset at every time"
        assert after is not None, "a zone has an offset at every time"
        return self._doubtful(first, second, comes_twice=before > after)

    def _doubtful(self, first: datetime, second: datetime, *, comes_twice: bool) -> datetime:
        """Of a time that comes twice the one that was stated; one that never comes, moved forward with the clocks."""
        choice = self.twice if comes_twice else self.never
        if choice == "refuse":
            what, key, allowed = (
                ("comes twice", "ambiguous", '"earlier" or "later"')
                if comes_twice
                else ("never comes", "nonexistent", '"forward"')
            )
            raise NoMoment(f"this time {what} in {self.zone}: state time.{key} as {allowed}")
        return second if choice == "later" else first


def _with_offset(text: str) -> str:
    for spoken in _SPOKEN:
        if text.endswith(spoken):
            return f"{text.removesuffix(spoken)}+00:00"
    return text
