"""Reading: a row of a mapped table becomes an event. The plan is turned into steps once, and a row goes through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from ingest.event import ReportedCost, UsageEvent
from ingest.formats import family, provider
from ingest.formats.stripping import mask_secrets
from ingest.mapping import values
from ingest.mapping.cell import Cell, Row, Take, taker, text
from ingest.mapping.columns import Amount, Column, Count, Duration, Ending, Text, Time, is_currency
from ingest.mapping.figures import Notation
from ingest.mapping.moments import Clock
from ingest.mapping.plan import Cost, Plan, Skip, Tokens
from ingest.mapping.targets import CACHE, FIELDS, KINDS, MICROSECONDS, TOKENS
from ingest.mapping.values import Read, Wrong
from ingest.money import LARGEST
from ingest.refusal import PassedOver, Refused

KEPT: Final = "row"
"""Where a refused record keeps its cells, beside `mapping`, the name of the source."""

_JOINT: Final = ":"
_SIDES: Final = ("input_tokens", "output_tokens")
_SECRETS: Final = frozenset({"event.virtual_key"})
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class _Step:
    """One mapped value."""

    key: str
    names: tuple[str, ...]
    take: Take
    read: Read

    def value(self, row: Row) -> Any:
        cell = self.take(row)
        if cell is None:
            return None
        try:
            return self.read(cell)
        except Wrong as error:
            raise values.refusal(error, cell, self.key, self.names) from None


class Reader:
    """Reads the rows of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._notation = Notation(plan.numbers.decimal, plan.numbers.thousands)
        self._fields = [
            (FIELDS[name], self._step(name, column)) for name, column in plan.event.columns().items()
        ]
        self._labels = [
            (name, self._made(f"labels.{name}", column, values.name)) for name, column in plan.labels.items()
        ]
        self._skips = [_skip(one, plan.empty) for one in plan.skip]
        self._costs = _Costs(plan, plan.cost, self._notation) if plan.cost else None
        self._cells = _cells(plan)

    def read(self, raw: bytes) -> UsageEvent:
        """The event of one row.

        Raises:
            PassedOver: the plan says that the row is no call.
            Refused: a cell is not what the plan says.
        """
        row = opened(raw)
        if any(skip(row) for skip in self._skips):
            raise PassedOver
        found = {field: value for field, step in self._fields if (value := step.value(row)) is not None}
        if "occurred_at" not in found:
            names = self.plan.event.columns()["occurred_at"].names
            raise Refused(
                "missing",
                f"event.occurred_at: column {' + '.join(map(repr, names))} is empty, a call has a time",
                names[0],
            )
        _include(found, self.plan.tokens)
        _add_up(found)
        named, model = provider.provider_and_model(
            found.get("provider"), found.get("model"), found.get("model_requested")
        )
        labels = {name: value for name, step in self._labels if (value := step.value(row)) is not None}
        reported, currency = self._costs.read(row) if self._costs else (None, None)
        found |= {
            "provider": named,
            "model": model,
            "request_type": family.canonical_request_type(found.get("request_type")),
        }
        if currency is not None:
            found["currency"] = currency
        return UsageEvent(source=self.plan.source, labels=labels or None, reported=reported, **found)

    def kept(self, raw: bytes) -> bytes | None:
        """What may be kept of a refused row: the mapped cells, without secrets and without what may be content."""
        try:
            row = opened(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        found = {name: cell for name, take in self._cells.items() if (cell := take(row)) is not None}
        return _encode({"mapping": self.plan.source, KEPT: found})

    def _step(self, name: str, column: Column) -> _Step:
        return self._made(
            f"event.{name}", column, self._reads(name, column), _JOINT if name == "event_id" else None
        )

    def _made(self, key: str, column: Column, read: Read, joint: str | None = None) -> _Step:
        return _Step(key, column.names, taker(column, key, self.plan.empty, joint), read)

    def _reads(self, name: str, column: Column) -> Read:
        if isinstance(column, Time):
            return values.instant(self._clock(column))
        if isinstance(column, Duration):
            return values.duration(self._notation, column.unit, MICROSECONDS[FIELDS[name]])
        if isinstance(column, Count):
            unit = column.unit or (self.plan.tokens.unit if name in TOKENS else "one")
            return values.count(self._notation, unit)
        return {"flag": values.flag, "status": values.status}.get(KINDS[name], values.name)

    def _clock(self, column: Time) -> Clock:
        times = self.plan.time
        zone = column.zone or times.zone
        return Clock(
            form=column.format or times.format,
            zone=ZoneInfo(zone) if zone else None,
            twice=column.ambiguous or times.ambiguous,
            never=column.nonexistent or times.nonexistent,
            notation=self._notation,
        )


class _Costs:
    """Reads what the source says a call cost."""

    def __init__(self, plan: Plan, cost: Cost, notation: Notation) -> None:
        self._cost = cost
        self._notation = notation
        self._currency = taker(cost.currency, "cost.currency", plan.empty)
        self._amounts = [
            (name, amount, taker(amount, f"cost.{name}", plan.empty))
            for name, amount in cost.amounts().items()
        ]

    def read(self, row: Row) -> tuple[ReportedCost | None, str | None]:
        """The cost and its currency; None and None where the row states none."""
        cells = [
            (name, amount, cell) for name, amount, take in self._amounts if (cell := take(row)) is not None
        ]
        if not cells:
            return None, None
        currency = self._stated_currency(row)
        found = {name: self._pico(name, amount, cell, currency) for name, amount, cell in cells}
        if self._cost.cache_in_input:
            _less(found, "input", CACHE)
        if self._cost.reasoning_in_output:
            _less(found, "output", ("reasoning",))
        return ReportedCost(**found, believed_zero=self._cost.believe_zero), currency

    def _pico(self, name: str, amount: Amount, cell: Cell, currency: str) -> int:
        try:
            return values.amount(self._notation, amount.unit or self._cost.unit, cell, currency)
        except Wrong as error:
            raise values.refusal(error, cell, f"cost.{name}", amount.names) from None

    def _stated_currency(self, row: Row) -> str:
        cell = self._currency(row)
        said = "" if cell is None else text(cell).upper()
        if not is_currency(said):
            error = Wrong("a currency such as USD is expected")
            raise values.refusal(error, cell, "cost.currency", self._cost.currency.names)
        return said


def opened(raw: bytes) -> Row:
    """The cells of a record, also of one that was kept."""
    row = _decode(raw)
    held = row.get(KEPT)
    return held if len(row) == 2 and "mapping" in row and isinstance(held, dict) else row  # noqa: PLR2004


def source_of(raw: bytes) -> str | None:
    """The source of the mapping that refused a kept record; None for a record of another format."""
    try:
        row = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return str(row["mapping"]) if opened(raw) is not row and row.keys() == {"mapping", KEPT} else None


def _include(found: dict[str, Any], rules: Tokens) -> None:
    """Make inclusive totals of counts that stand beside each other."""
    if rules.cache_in_input is False:
        _more(found, "input_tokens", ("cache_read_tokens", "cache_write_tokens"))
    if rules.reasoning_in_output is False:
        _more(found, "output_tokens", ("reasoning_tokens",))


def _more(found: dict[str, Any], whole: str, parts: Sequence[str]) -> None:
    stated = [found[part] for part in parts if part in found]
    if stated:
        found[whole] = found.get(whole, 0) + sum(stated)


def _add_up(found: dict[str, Any]) -> None:
    """A table that states input and output says what both come to."""
    if "total_tokens" not in found and not found.keys().isdisjoint(_SIDES):
        found["total_tokens"] = sum(found.get(side, 0) for side in _SIDES)


def _less(found: dict[str, int], whole: str, parts: Sequence[str]) -> None:
    if whole not in found:
        return
    rest = found[whole] - sum(found.get(part, 0) for part in parts)
    if rest < 0 <= found[whole] or abs(rest) > LARGEST:
        raise Refused(
            "impossible_amount",
            f"cost.{whole} is less than {' and '.join(parts)} that are said to be in it",
            whole,
        )
    found[whole] = rest


def _skip(rule: Skip, empty: Sequence[str]) -> Callable[[Row], bool]:
    take = taker(Column(column=rule.column), "skip", empty)
    said = frozenset(rule.values)

    def skips(row: Row) -> bool:
        cell = take(row)
        return rule.empty if cell is None else text(cell) in said

    return skips


def _cells(plan: Plan) -> dict[str, Take]:
    """What takes each column that the plan names as it may be kept."""
    columns = plan.columns()
    texts = {name for key, one in columns.items() if isinstance(one, Text | Ending) for name in one.names}
    hidden = {name for key in _SECRETS & columns.keys() for name in columns[key].names}
    named = {name for one in columns.values() for name in one.names} | {one.column for one in plan.skip}
    return {name: _keepable(name, name in texts) for name in sorted(named - hidden)}


def _keepable(name: str, is_text: bool) -> Take:
    take = taker(Column(column=name), name, ())

    def keep(row: Row) -> Cell:
        try:
            cell = take(row)
        except Refused:
            return None
        if not isinstance(cell, str):
            return cell
        if is_text:
            return mask_secrets(cell)
        return cell if values.shown(cell) != "text" else None

    return keep
