"""Columns: the place of an event's value in a table, its meaning, and its unit or notation."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ingest.mapping.targets import Kind
from ingest.mapping.timestamps import ISO, UNITS, Ambiguous, Nonexistent
from ingest.model.event import Status

CountUnit = Literal["one", "thousand", "million"]
DurationUnit = Literal["s", "ms", "us", "ns", "min"]
MoneyUnit = Literal["one", "cent", "milli", "micro", "nano", "pico"]

_SAMPLE_TIME: Final = datetime(2026, 11, 29, 13, 45, 51)  # noqa: DTZ001 - to test patterns
_CURRENCY_LETTERS: Final = 3


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name[:40]!r}; an IANA name such as Europe/Berlin is expected"
        ) from None
    return name


def _check_time_pattern(pattern: str) -> str:
    if pattern == ISO or pattern in UNITS:
        return pattern
    try:
        parsed = datetime.strptime(_SAMPLE_TIME.strftime(pattern), pattern)  # noqa: DTZ007
    except ValueError:
        parsed = None
    if parsed is None or "%" not in pattern or parsed.date() != _SAMPLE_TIME.date():
        names = ", ".join((ISO, *UNITS))
        raise ValueError(
            f"one of {names}, or a strptime pattern with a whole date such as %d.%m.%Y %H:%M is expected"
        )
    return pattern


def _as_text(value: object) -> object:
    """A TOML date or time as text, as in a table."""
    return value.isoformat() if isinstance(value, date | datetime) else value


Zone = Annotated[str, AfterValidator(_check_zone)]
TimePattern = Annotated[str, AfterValidator(_check_time_pattern)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Constant = Annotated[str | bool | int | Decimal, BeforeValidator(_as_text)]


class Section(BaseModel):
    """A section of a mapping file. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Section):
    """The place of a value: the name of a column, or a table with exactly one of the first four keys."""

    column: Name | None = None
    first_of: Names | None = None
    """Several columns, of which the first that is not empty counts."""
    together: Names | None = None
    """Several columns that are joined: date and time, or the parts of a key."""
    constant: Constant | None = None
    values: dict[str, Constant] | None = None
    """The meaning of each value of the column."""
    otherwise: Constant | None = None
    """The meaning of every other value; without it, the value itself."""
    optional: bool = False
    """Whether the column may be missing in a table."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"column": value}
        if not isinstance(value, Mapping):
            message = 'the name of a column is expected, or a table such as { column = "..." }'
            raise ValueError(message)  # noqa: TRY004 - pydantic expects a ValueError
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = (self.column, self.first_of, self.together, self.constant)
        if sum(place is not None for place in places) != 1:
            raise ValueError("exactly one of column, first_of, together and constant is expected")
        if self.otherwise is not None and self.values is None:
            raise ValueError("otherwise goes with values")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return (self.column,) if self.column else self.first_of or self.together or ()


class TextColumn(Column):
    """A column of names or ids."""


class KeyColumn(TextColumn):
    """The column of the call's key. A list of columns is joined."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return {"together": value} if isinstance(value, list) else value


class CurrencyColumn(TextColumn):
    """A currency: three capital letters, or the column of the currency."""

    @model_validator(mode="before")
    @classmethod
    def _itself(cls, value: Any) -> Any:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _capitals(self) -> Self:
        if self.constant is not None and not is_currency(self.constant):
            raise ValueError('three capitals such as "USD" are expected, or { column = "..." }')
        return self


class CountColumn(Column):
    """A column of whole numbers."""

    unit: CountUnit | None = None


class DurationColumn(Column):
    """A column of durations. Its unit must be stated."""

    unit: DurationUnit

    @model_validator(mode="before")
    @classmethod
    def _with_unit(cls, value: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, Mapping) and "unit" not in value):
            allowed = " or ".join(f'"{unit}"' for unit in get_args(DurationUnit))
            raise ValueError(f'state the unit: {{ column = "...", unit = "ms" }}, with {allowed}')
        return value


class TimeColumn(Column):
    """A timestamp column; unset options come from the `[time]` section."""

    format: TimePattern | None = None
    zone: Zone | None = None
    ambiguous: Ambiguous | None = None
    nonexistent: Nonexistent | None = None


class FlagColumn(Column):
    """A column of booleans."""


class StatusColumn(Column):
    """The column of the call's status."""

    values: dict[str, Status] | None = None  # type: ignore[assignment]  # narrower than Column's
    otherwise: Status | None = None


class AmountColumn(Column):
    """A column of amounts of money. The unit defaults to the unit of `[cost]`."""

    unit: MoneyUnit | None = None


COLUMN_TYPES: Final[dict[Kind, type[Column]]] = {
    "text": TextColumn,
    "count": CountColumn,
    "flag": FlagColumn,
    "status": StatusColumn,
    "time": TimeColumn,
    "duration": DurationColumn,
}


def is_currency(value: object) -> bool:
    """Whether a value is the code of a currency."""
    return isinstance(value, str) and len(value) == _CURRENCY_LETTERS and value.isascii() and value.isupper()
