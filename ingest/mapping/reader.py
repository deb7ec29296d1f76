"""Reading: a row of a mapped table becomes an event, by functions that are made once from the plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from ingest.formats.completion import provider
from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.request_type import canonical_request_type
from ingest.formats.json.numbers import exact
from ingest.formats.redaction import mask_secrets
from ingest.mapping import values
from ingest.mapping.cell import Cell, GetCell, Row, cell_getter, text
from ingest.mapping.columns import (
    AmountColumn,
    Column,
    CountColumn,
    DurationColumn,
    StatusColumn,
    TextColumn,
    TimeColumn,
    is_currency,
)
from ingest.mapping.numbers import Notation
from ingest.mapping.plan import CostRules, Plan, SkipRule, TokenRules
from ingest.mapping.targets import CACHE, FIELDS, KINDS, METERS, MICROSECONDS, REPLAYED, TOKENS, WRITES
from ingest.mapping.timestamps import TimestampNotation
from ingest.mapping.values import InvalidCell, ReadCell
from ingest.model.event import Former, ReportedCost, UsageEvent
from ingest.model.money import LARGEST
from ingest.model.rejection import PassedOver, Refused
from ingest.model.reported_cost import is_believed

STORED_ROW: Final = "row"
"""The field of a refused record with its cells, beside `mapping`, the name of the source."""

_JOINT: Final = ":"
_SIDES: Final = ("input_tokens", "output_tokens")
_SECRETS: Final = frozenset({"event.virtual_key"})
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=exact).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class _ValueReader:
    """Reads one mapped value of a row."""

    key: str
    names: tuple[str, ...]
    get_cell: GetCell
    read_cell: ReadCell

    def value(self, row: Row) -> Any:
        cell = self.get_cell(row)
        if cell is None:
            return None
        try:
            return self.read_cell(cell)
        except InvalidCell as error:
            raise values.refusal(error, cell, self.key, self.names) from None


class RowReader:
    """Reads the rows of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._notation = Notation(plan.numbers.decimal, plan.numbers.thousands)
        self._fields = [
            (FIELDS[name], self._event_reader(name, column)) for name, column in plan.event.columns().items()
        ]
        self._labels = [
            (name, self._value_reader(f"labels.{name}", column, values.name))
            for name, column in plan.labels.items()
        ]
        self._skips = [_skip_test(rule, plan.empty) for rule in plan.skip]
        self._costs = _CostReader(plan, plan.cost, self._notation) if plan.cost else None
        self._cells = _storable_cells(plan)

    def read(self, raw: bytes) -> UsageEvent:
        """The event of one row.

        Raises:
            PassedOver: by the plan the row is not a call.
            Refused: a cell does not fit the plan.
        """
        row = decode_row(raw)
        if any(skip(row) for skip in self._skips):
            raise PassedOver
        fields = {field: value for field, reader in self._fields if (value := reader.value(row)) is not None}
        if "occurred_at" not in fields:
            names = self.plan.event.columns()["occurred_at"].names
            raise Refused(
                "missing",
                f"event.occurred_at: column {' + '.join(map(repr, names))} is empty, a call has a time",
                names[0],
            )
        _add_writes(fields)
        _make_inclusive(fields, self.plan.tokens)
        stated_total = fields.get("total_tokens")
        _add_up(fields)
        replayed = _replay(fields) if fields.get("cache_hit") else {}
        provider_name, model = provider.provider_and_model(
            fields.get("provider"), fields.get("model"), fields.get("model_requested")
        )
        labels = {name: value for name, reader in self._labels if (value := reader.value(row)) is not None}
        reported, currency = self._costs.read(row) if self._costs else (None, None)
        fields |= {
            "provider": provider_name,
            "model": model,
            "request_type": canonical_request_type(fields.get("request_type")),
        }
        if currency is not None:
            fields["currency"] = currency
        if replayed and "source_event_id" not in fields:
            fields["former"] = Former(provider_name, model, None, replayed)
        event = UsageEvent(source=self.plan.source, labels=labels or None, reported=reported, **fields)
        if event.replayed_input_tokens is not None or event.replayed_output_tokens is not None:
            return event  # the total may hold them too
        event, doubts = settle(event, stated_total, "event.total_tokens", billed=is_believed(reported))
        return msgspec.structs.replace(event, flags=doubts) if doubts else event

    def redact(self, raw: bytes) -> bytes | None:
        """The part of a refused row that may be stored: mapped cells, without secrets and content."""
        try:
            row = decode_row(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused):
            return None
        cells = {name: cell for name, get_cell in self._cells.items() if (cell := get_cell(row)) is not None}
        return _encode({"mapping": self.plan.source, STORED_ROW: cells})

    def _event_reader(self, name: str, column: Column) -> _ValueReader:
        return self._value_reader(
            f"event.{name}", column, self._cell_reader(name, column), _JOINT if name == "event_id" else None
        )

    def _value_reader(
        self, key: str, column: Column, read: ReadCell, joint: str | None = None
    ) -> _ValueReader:
        return _ValueReader(key, column.names, cell_getter(column, key, self.plan.empty, joint), read)

    def _cell_reader(self, name: str, column: Column) -> ReadCell:
        if isinstance(column, TimeColumn):
            return values.timestamp(self._time_notation(column))
        if isinstance(column, DurationColumn):
            return values.duration(self._notation, column.unit, MICROSECONDS[FIELDS[name]])
        if isinstance(column, CountColumn):
            unit = column.unit or (self.plan.tokens.unit if name in TOKENS else "one")
            return values.count(self._notation, unit)
        return {"flag": values.flag, "status": values.status}.get(KINDS[name], values.name)

    def _time_notation(self, column: TimeColumn) -> TimestampNotation:
        times = self.plan.time
        zone = column.zone or times.zone
        return TimestampNotation(
            pattern=column.format or times.format,
            zone=ZoneInfo(zone) if zone else None,
            ambiguous=column.ambiguous or times.ambiguous,
            nonexistent=column.nonexistent or times.nonexistent,
            numbers=self._notation,
        )


class _CostReader:
    """Reads the stated cost of a row."""

    def __init__(self, plan: Plan, cost: CostRules, notation: Notation) -> None:
        self._cost = cost
        self._notation = notation
        self._currency = cell_getter(cost.currency, "cost.currency", plan.empty)
        self._amounts = [
            (name, amount, cell_getter(amount, f"cost.{name}", plan.empty))
            for name, amount in cost.amounts().items()
        ]

    def read(self, row: Row) -> tuple[ReportedCost | None, str | None]:
        """The cost and its currency; None and None where the row states none."""
        cells = [
            (name, amount, cell)
            for name, amount, get_cell in self._amounts
            if (cell := get_cell(row)) is not None
        ]
        if not cells:
            return None, None
        currency = self._stated_currency(row)
        amounts = {name: self._pico(name, amount, cell, currency) for name, amount, cell in cells}
        if self._cost.cache_in_input:
            _subtract_parts(amounts, "input", CACHE)
        if self._cost.reasoning_in_output:
            _subtract_parts(amounts, "output", ("reasoning",))
        return ReportedCost(**amounts, believed_zero=self._cost.believe_zero), currency

    def _pico(self, name: str, amount: AmountColumn, cell: Cell, currency: str) -> int:
        try:
            return values.amount(self._notation, amount.unit or self._cost.unit, cell, currency)
        except InvalidCell as error:
            raise values.refusal(error, cell, f"cost.{name}", amount.names) from None

    def _stated_currency(self, row: Row) -> str:
        cell = self._currency(row)
        currency = "" if cell is None else text(cell).upper()
        if not is_currency(currency):
            error = InvalidCell("a currency such as USD is expected")
            raise values.refusal(error, cell, "cost.currency", self._cost.currency.names)
        return currency


def decode_row(raw: bytes) -> Row:
    """The cells of a record, also of a stored record."""
    row = _decode(raw)
    stored = row.get(STORED_ROW)
    return stored if len(row) == 2 and "mapping" in row and isinstance(stored, dict) else row  # noqa: PLR2004


def source_of(raw: bytes) -> str | None:
    """The source of the mapping that refused a stored record; None for a record of another format."""
    try:
        row = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused):
        return None
    return (
        str(row["mapping"]) if decode_row(raw) is not row and row.keys() == {"mapping", STORED_ROW} else None
    )


def _add_writes(fields: dict[str, Any]) -> None:
    """Add the total of cache writes where a table states only its parts by time to live."""
    if "cache_write_tokens" not in fields:
        _add_parts(fields, "cache_write_tokens", WRITES)


def _make_inclusive(fields: dict[str, Any], rules: TokenRules) -> None:
    """Convert counts that exclude each other to inclusive totals."""
    if rules.cache_in_input is False:
        _add_parts(fields, "input_tokens", ("cache_read_tokens", "cache_write_tokens"))
    if rules.reasoning_in_output is False:
        _add_parts(fields, "output_tokens", ("reasoning_tokens",))


def _add_parts(fields: dict[str, Any], total: str, parts: Sequence[str]) -> None:
    stated = [fields[part] for part in parts if part in fields]
    if stated:
        fields[total] = fields.get(total, 0) + sum(stated)


def _add_up(fields: dict[str, Any]) -> None:
    """Add the total where a table states input or output and no total."""
    if "total_tokens" not in fields and not fields.keys().isdisjoint(_SIDES):
        fields["total_tokens"] = sum(fields.get(side, 0) for side in _SIDES)


def _replay(fields: dict[str, Any]) -> dict[str, int | None]:
    """Make the usage of a cache hit a replay: the hit itself uses no model and counts in no total.

    Returns the counts that changed, as they were. A release before this one took them for those of a call.
    """
    before = {name: fields.get(name) for name in (*METERS, *REPLAYED.values())}
    used = {name: fields.pop(name) for name in METERS if name in fields}
    for name, replayed in REPLAYED.items():
        if name in used:
            fields.setdefault(replayed, used[name])
    fields |= {name: 0 for name in ("input_tokens", "output_tokens", "total_tokens") if name in used}
    return {name: count for name, count in before.items() if fields.get(name) != count}


def _subtract_parts(amounts: dict[str, int], total: str, parts: Sequence[str]) -> None:
    if total not in amounts:
        return
    rest = amounts[total] - sum(amounts.get(part, 0) for part in parts)
    if rest < 0 <= amounts[total] or abs(rest) > LARGEST:
        raise Refused(
            "impossible_amount",
            f"cost.{total} is less than {' and '.join(parts)} that are said to be in it",
            total,
        )
    amounts[total] = rest


def _skip_test(rule: SkipRule, empty: Sequence[str]) -> Callable[[Row], bool]:
    get_cell = cell_getter(Column(column=rule.column), "skip", empty)
    texts = frozenset(rule.values)

    def skips(row: Row) -> bool:
        cell = get_cell(row)
        return rule.empty if cell is None else text(cell) in texts

    return skips


def _storable_cells(plan: Plan) -> dict[str, GetCell]:
    """A function for each column of the plan that gets the cell as it may be stored."""
    columns = plan.columns()
    texts = {
        name
        for key, column in columns.items()
        if isinstance(column, TextColumn | StatusColumn)
        for name in column.names
    }
    secrets = {name for key in _SECRETS & columns.keys() for name in columns[key].names}
    names = {name for column in columns.values() for name in column.names}
    names |= {rule.column for rule in plan.skip}
    return {name: _storable_cell(name, name in texts) for name in sorted(names - secrets)}


def _storable_cell(name: str, is_text: bool) -> GetCell:
    get_cell = cell_getter(Column(column=name), name, ())

    def get(row: Row) -> Cell:
        try:
            cell = get_cell(row)
        except Refused:
            return None
        if not isinstance(cell, str):
            return cell
        if is_text:
            return mask_secrets(cell)
        return cell if values.safe_repr(cell) != "text" else None

    return get
