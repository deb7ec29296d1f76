"""The plan: the checked contents of a mapping file. Each error has its key and the allowed values."""

import tomllib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, create_model, model_validator

from ingest.formats.json.numbers import exact
from ingest.mapping import errors
from ingest.mapping.columns import (
    COLUMN_TYPES,
    AmountColumn,
    Column,
    CountUnit,
    CurrencyColumn,
    KeyColumn,
    MoneyUnit,
    Name,
    Section,
    TextColumn,
    TimePattern,
    Zone,
)
from ingest.mapping.targets import CACHE, COSTS, KINDS, WRITES
from ingest.mapping.timestamps import ISO, Ambiguous, Nonexistent

_WRITES: Final = frozenset(name.removesuffix("_tokens") for name in WRITES)


class MappingError(ValueError):
    """A mapping file with errors; the message names the file and every error."""


class EventColumns(Section):
    """Columns by target. `EventTargets` has a field for each target."""

    def columns(self) -> dict[str, Column]:
        """The mapped targets."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


def _field(target: str) -> tuple[Any, Any]:
    kind = KeyColumn if target == "event_id" else COLUMN_TYPES[KINDS[target]]
    return (kind, ...) if target == "occurred_at" else (kind | None, None)


if TYPE_CHECKING:
    EventTargets = EventColumns
else:
    EventTargets = create_model(
        "EventTargets", __base__=EventColumns, **{target: _field(target) for target in KINDS}
    )


class NumberSettings(Section):
    """The notation of numbers."""

    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "_"] | None = None

    @model_validator(mode="after")
    def _require_different_signs(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands cannot be the same sign")
        return self


class TimeSettings(Section):
    """The default notation of times, which a column may override."""

    format: TimePattern = ISO
    zone: Zone | None = None
    ambiguous: Ambiguous = "refuse"
    nonexistent: Nonexistent = "refuse"


class TokenRules(Section):
    """The unit of token counts, and what they include."""

    unit: CountUnit = "one"
    cache_in_input: bool | None = None
    reasoning_in_output: bool | None = None


class CostRules(Section):
    """The stated cost of a call. `CostSection` has a field for each component."""

    currency: CurrencyColumn
    unit: MoneyUnit = "one"
    cache_in_input: bool | None = None
    reasoning_in_output: bool | None = None
    believe_zero: bool = False
    """Whether a cost of 0 is a real cost. Otherwise it means that the cost is unknown."""

    def amounts(self) -> dict[str, AmountColumn]:
        """The mapped components."""
        return {name: value for name in COSTS if (value := getattr(self, name)) is not None}


if TYPE_CHECKING:
    CostSection = CostRules
else:
    CostSection = create_model(
        "CostSection", __base__=CostRules, **dict.fromkeys(COSTS, (AmountColumn | None, None))
    )


class SkipRule(Section):
    """A test for rows that are not calls, such as a total at the end."""

    column: Name
    values: tuple[str, ...] = ()
    empty: bool = False

    @model_validator(mode="after")
    def _require_test(self) -> Self:
        if not self.values and not self.empty:
            raise ValueError('say which rows: values = ["Total"], or empty = true')
        return self


class Plan(Section):
    """A whole mapping file."""

    source: Annotated[str, Field(min_length=1, max_length=100)]
    empty: tuple[str, ...] = ()
    """Texts for a missing value, such as NULL."""
    numbers: NumberSettings = NumberSettings()
    time: TimeSettings = TimeSettings()
    tokens: TokenRules = TokenRules()
    event: EventTargets
    labels: dict[Name, TextColumn] = Field(default_factory=dict)
    cost: CostSection | None = None
    skip: tuple[SkipRule, ...] = ()

    @model_validator(mode="after")
    def _require_inclusion(self) -> Self:
        for table, parts, rules in self._sums_and_rules():
            has_cache = any(part in parts for part in CACHE) and "input" in parts
            if has_cache and rules.cache_in_input is None:
                raise ValueError(
                    f"{table}.cache_in_input: say whether what was cached is counted in the input (true) "
                    "or beside it (false)"
                )
            if {"reasoning", "output"} <= parts and rules.reasoning_in_output is None:
                raise ValueError(
                    f"{table}.reasoning_in_output: say whether reasoning is counted in the output (true) "
                    "or beside it (false)"
                )
        return self

    def _sums_and_rules(self) -> Sequence[tuple[str, set[str], TokenRules | CostRules]]:
        counts = {name.removesuffix("_tokens") for name in self.event.columns() if name.endswith("_tokens")}
        counts |= {"cache_write"} if not counts.isdisjoint(_WRITES) else set()
        sums: list[tuple[str, set[str], TokenRules | CostRules]] = [("tokens", counts, self.tokens)]
        return [*sums, ("cost", set(self.cost.amounts()), self.cost)] if self.cost else sums

    def columns(self) -> dict[str, Column]:
        """All mapped columns by mapping key."""
        mapped: dict[str, Column] = {f"event.{name}": column for name, column in self.event.columns().items()}
        mapped |= {f"labels.{name}": column for name, column in self.labels.items()}
        if self.cost:
            mapped |= {f"cost.{name}": column for name, column in self.cost.amounts().items()}
            mapped["cost.currency"] = self.cost.currency
        return mapped


def parse_plan(text: str, name: str) -> Plan:
    """The plan in the text of a mapping file called `name`.

    Raises:
        MappingError: the text is not TOML, or has keys or values that a mapping does not allow.
    """
    try:
        document = tomllib.loads(text, parse_float=exact)
    except (ValueError, RecursionError) as error:  # TOML's own errors, and numbers that cannot be read
        raise MappingError(f"{name}: not TOML: {error}") from None
    try:
        return Plan.model_validate(document)
    except ValidationError as error:
        raise MappingError(
            "\n".join(f"{name}: {message}" for message in errors.error_messages(error, Plan))
        ) from None
