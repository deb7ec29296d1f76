"""The plan: what a mapping file says, checked. A mistake is told with its key and with what is allowed there."""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, create_model, model_validator

from ingest.mapping import mistakes
from ingest.mapping.columns import (
    PARTS,
    Amount,
    Column,
    CountUnit,
    Currency,
    Form,
    Key,
    MoneyUnit,
    Name,
    Part,
    Text,
    Zone,
)
from ingest.mapping.moments import ISO, Never, Twice
from ingest.mapping.targets import CACHE, COSTS, KINDS


class MappingError(ValueError):
    """A mapping file that cannot be used; the message names the file and every mistake in it."""


class Event(Part):
    """Columns by what they fill; the class below has a field for each target."""

    def columns(self) -> dict[str, Column]:
        """The targets that are mapped."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


def _part(target: str) -> tuple[Any, Any]:
    kind = Key if target == "event_id" else PARTS[KINDS[target]]
    return (kind, ...) if target == "occurred_at" else (kind | None, None)


if TYPE_CHECKING:
    Targets = Event
else:
    Targets = create_model("Targets", __base__=Event, **{target: _part(target) for target in KINDS})


class Numbers(Part):
    """How numbers are written."""

    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "_"] | None = None

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands cannot be the same sign")
        return self


class Times(Part):
    """How times are written, where a column does not say otherwise."""

    format: Form = ISO
    zone: Zone | None = None
    ambiguous: Twice = "refuse"
    nonexistent: Never = "refuse"


class Tokens(Part):
    """What the token counts are in and what they include."""

    unit: CountUnit = "one"
    cache_in_input: bool | None = None
    reasoning_in_output: bool | None = None


class Cost(Part):
    """What the source says a call cost; the class below has a field for each component."""

    currency: Currency
    unit: MoneyUnit = "one"
    cache_in_input: bool | None = None
    reasoning_in_output: bool | None = None
    believe_zero: bool = False
    """Whether a cost of 0 is a price, and not the absence of one."""

    def amounts(self) -> dict[str, Amount]:
        """The components that are mapped."""
        return {name: value for name in COSTS if (value := getattr(self, name)) is not None}


if TYPE_CHECKING:
    Costs = Cost
else:
    Costs = create_model("Costs", __base__=Cost, **dict.fromkeys(COSTS, (Amount | None, None)))


class Skip(Part):
    """Rows that are no calls, such as a total at the end."""

    column: Name
    values: tuple[str, ...] = ()
    empty: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.values and not self.empty:
            raise ValueError('say which rows: values = ["Total"], or empty = true')
        return self


class Plan(Part):
    """A whole mapping file."""

    source: Annotated[str, Field(min_length=1, max_length=100)]
    empty: tuple[str, ...] = ()
    """Texts that mean no value, such as NULL."""
    numbers: Numbers = Numbers()
    time: Times = Times()
    tokens: Tokens = Tokens()
    event: Targets
    labels: dict[Name, Text] = Field(default_factory=dict)
    cost: Costs | None = None
    skip: tuple[Skip, ...] = ()

    @model_validator(mode="after")
    def _says_what_is_included(self) -> Self:
        for table, parts, rules in self._wholes():
            cached = any(part in parts for part in CACHE) and "input" in parts
            if cached and rules.cache_in_input is None:
                raise ValueError(
                    f"{table}.cache_in_input: say whether what was cached is counted in the input (true) or beside it (false)"
                )
            if {"reasoning", "output"} <= parts and rules.reasoning_in_output is None:
                raise ValueError(
                    f"{table}.reasoning_in_output: say whether reasoning is counted in the output (true) or beside it (false)"
                )
        return self

    def _wholes(self) -> Sequence[tuple[str, set[str], Tokens | Cost]]:
        counts = {name.removesuffix("_tokens") for name in self.event.columns() if name.endswith("_tokens")}
        found: list[tuple[str, set[str], Tokens | Cost]] = [("tokens", counts, self.tokens)]
        return [*found, ("cost", set(self.cost.amounts()), self.cost)] if self.cost else found

    def columns(self) -> dict[str, Column]:
        """Every mapped column by the key that maps it."""
        mapped: dict[str, Column] = {f"event.{name}": column for name, column in self.event.columns().items()}
        mapped |= {f"labels.{name}": column for name, column in self.labels.items()}
        if self.cost:
            mapped |= {f"cost.{name}": column for name, column in self.cost.amounts().items()}
            mapped["cost.currency"] = self.cost.currency
        return mapped


def read(text: str, name: str) -> Plan:
    """The plan in the text of a mapping file called `name`.

    Raises:
        MappingError: it is no TOML, or says what a mapping cannot say.
    """
    try:
        said = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name}: not TOML: {error}") from None
    try:
        return Plan.model_validate(said)
    except ValidationError as error:
        raise MappingError("\n".join(f"{name}: {one}" for one in mistakes.told(error, Plan))) from None
