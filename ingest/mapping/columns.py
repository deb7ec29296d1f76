"""Columns: where a value of an event stands in a table, what it means, and in which unit or form it is written."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ingest.event import Status
from ingest.mapping.moments import ISO, UNITS, Never, Twice
from ingest.mapping.targets import Kind

CountUnit = Literal["one", "thousand", "million"]
DurationUnit = Literal["s", "ms", "us", "ns", "min"]
MoneyUnit = Literal["one", "cent", "milli", "micro", "nano", "pico"]

_SAMPLE: Final = datetime(2026, 11, 29, 13, 45, 51)  # noqa: DTZ001 - only to try a pattern
_CURRENCY_LETTERS: Final = 3


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {name[:40]!r}; an IANA name such as Europe/Berlin is expected"
        ) from None
    return name


def _is_form(form: str) -> str:
    if form == ISO or form in UNITS:
        return form
    try:
        tried = datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007 - only to try the pattern
    except ValueError:
        tried = None
    if tried is None or "%" not in form or tried.date() != _SAMPLE.date():
        known = ", ".join((ISO, *UNITS))
        raise ValueError(
            f"one of {known}, or a strptime pattern with a whole date such as %d.%m.%Y %H:%M is expected"
        )
    return form


def _as_text(value: object) -> object:
    """A TOML date or time is text as it would stand in a table."""
    return value.isoformat() if isinstance(value, date | datetime) else value


Zone = Annotated[str, AfterValidator(_is_zone)]
Form = Annotated[str, AfterValidator(_is_form)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Constant = Annotated[str | bool | int | Decimal, BeforeValidator(_as_text)]


class Part(BaseModel):
    """A part of a mapping file. What it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Part):
    """Where a value stands. A name alone, or a table with exactly one of the first four."""

    column: Name | None = None
    first_of: Names | None = None
    """The first of several columns that is not empty."""
    together: Names | None = None
    """Several columns put together: a date and a time, the parts of a key."""
    constant: Constant | None = None
    values: dict[str, Constant] | None = None
    """What a value of the column means."""
    otherwise: Constant | None = None
    """What every other value means; without it, it means itself."""
    optional: bool = False
    """Whether a table may lack the column."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, said: Any) -> Any:
        if isinstance(said, str):
            return {"column": said}
        if not isinstance(said, Mapping):
            raise ValueError('the name of a column is expected, or a table such as { column = "..." }')  # noqa: TRY004
        return said

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
        """The columns that are read."""
        return (self.column,) if self.column else self.first_of or self.together or ()


class Text(Column):
    """A name or an id."""


class Key(Text):
    """The key of a call; a list of columns means these together."""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, said: Any) -> Any:
        return {"together": said} if isinstance(said, list) else said


class Currency(Text):
    """A currency: three capitals, or the column that names it."""

    @model_validator(mode="before")
    @classmethod
    def _itself(cls, said: Any) -> Any:
        return {"constant": said} if isinstance(said, str) else said

    @model_validator(mode="after")
    def _capitals(self) -> Self:
        if self.constant is not None and not is_currency(self.constant):
            raise ValueError('three capitals such as "USD" are expected, or { column = "..." }')
        return self


class Count(Column):
    """A whole number of something."""

    unit: CountUnit | None = None


class Duration(Column):
    """A length of time. Its unit must be stated."""

    unit: DurationUnit

    @model_validator(mode="before")
    @classmethod
    def _with_unit(cls, said: Any) -> Any:
        if isinstance(said, str) or (isinstance(said, Mapping) and "unit" not in said):
            allowed = " or ".join(f'"{unit}"' for unit in get_args(DurationUnit))
            raise ValueError(f'state the unit: {{ column = "...", unit = "ms" }}, with {allowed}')
        return said


class Time(Column):
    """An instant. What is not said here is said in [time]."""

    format: Form | None = None
    zone: Zone | None = None
    ambiguous: Twice | None = None
    nonexistent: Never | None = None


class Flag(Column):
    """True or false."""


class Ending(Column):
    """How the call ended."""

    values: dict[str, Status] | None = None  # type: ignore[assignment]  # narrower than Column's
    otherwise: Status | None = None


class Amount(Column):
    """An amount of money. Without a unit, the one of [cost]."""

    unit: MoneyUnit | None = None


PARTS: Final[dict[Kind, type[Column]]] = {
    "text": Text,
    "count": Count,
    "flag": Flag,
    "status": Ending,
    "time": Time,
    "duration": Duration,
}


def is_currency(said: object) -> bool:
    """Whether it is a currency's code."""
    return isinstance(said, str) and len(said) == _CURRENCY_LETTERS and said.isascii() and said.isupper()
