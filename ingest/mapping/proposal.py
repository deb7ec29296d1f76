"""The proposal: a mapping for a table that no format recognises, for review. Guesses have a comment."""

import json
import re
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final

from ingest.mapping import inference
from ingest.mapping.numbers import Notation
from ingest.mapping.sample import Sample, SampleColumn

_SUCCESS: Final = re.compile(
    r"ok|success\w*|succeeded|complete\w*|done|finished|true|2\d\d|erfolg\w*", re.IGNORECASE
)
_CANCELLED: Final = re.compile(r"cancel\w*|abort\w*|499", re.IGNORECASE)
_MOST_STATUSES: Final = 12
_MOST_LABELS: Final = 12
_SECONDS_BELOW: Final = 100
_COMMENT_FROM: Final = 56


class NothingToMap(ValueError):
    """A table without a column that could be the time of a call."""


def propose(sample: Sample, path: str) -> str:
    """A mapping for the sample of the file at `path`, as TOML.

    Raises:
        NothingToMap: no column looks like the time of a call.
    """
    targets = inference.infer_targets(sample.columns)
    time_column = targets.get("event.occurred_at") or _time_column(sample, targets)
    if time_column is None:
        raise NothingToMap("no column looks like the time of a call, and a call has a time")
    targets["event.occurred_at"] = time_column
    blocks = [
        [
            f"# Proposed for {_commented(path)} from its first {sample.rows:,} records: look it over.",
            *_header(targets, path),
        ],
        _numbers(_notation(targets)),
        _time(time_column),
        _tokens(targets),
        _event(targets, sample, _notation(targets)),
        _labels(targets, sample),
        _cost(targets),
        _skip(sample),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _time_column(sample: Sample, targets: dict[str, SampleColumn]) -> SampleColumn | None:
    taken = {column.name for column in targets.values()}
    free = (column for column in sample.columns.values() if column.name not in taken)
    return next((column for column in free if column.kind == "time"), None)


def _header(targets: dict[str, SampleColumn], path: str) -> list[str]:
    stem = PurePosixPath(path.replace("\\", "/")).name.partition(".")[0]
    lines = [_line("source", _text(stem or "table"), "what these calls come from: ids are unique within it")]
    if null_texts := sorted({text for column in targets.values() for text in column.null_texts}):
        lines.append(_line("empty", json.dumps(null_texts), "these mean no value"))
    return lines


def _notation(targets: dict[str, SampleColumn]) -> Notation:
    columns = [column for target, column in targets.items() if _is_number_target(target)]
    comma = any(column.has_comma for column in columns)
    grouped = any(column.has_thousands or (comma and column.has_points) for column in columns)
    return Notation("," if comma else ".", ("." if comma else ",") if grouped else None)


def _numbers(notation: Notation) -> list[str]:
    lines = [] if notation.decimal == "." else [f'decimal = "{notation.decimal}"']
    if notation.thousands:
        lines.append(f'thousands = "{notation.thousands}"')
    return ["[numbers]", *lines] if lines else []


def _time(column: SampleColumn) -> list[str]:
    forms = column.time_formats()
    comment = f"or {forms[1]}?" if len(forms) > 1 else ""
    lines = ["[time]", _line("format", _text(forms[0]), comment)]
    if not column.is_number and not all(
        re.search(r"(Z|UTC|GMT|[+-]\d\d:?\d\d)$", cell) for cell in column.cells
    ):
        lines.append(_line("zone", '"UTC"', "the times name no zone: is this where they were taken?"))
    return lines


def _tokens(targets: dict[str, SampleColumn]) -> list[str]:
    lines = []
    parts = (targets.get(f"event.{name}_tokens") for name in ("cache_read", "cache_write"))
    cache = [column for column in parts if column is not None]
    if cache and (total := targets.get("event.input_tokens")):
        lines.append(
            _inclusion_rule(
                "cache_in_input", cache, total, "are tokens from the cache counted in input_tokens?"
            )
        )
    reasoning = targets.get("event.reasoning_tokens")
    if reasoning and (total := targets.get("event.output_tokens")):
        question = "is reasoning counted in output_tokens?"
        lines.append(_inclusion_rule("reasoning_in_output", [reasoning], total, question))
    return ["[tokens]", *lines] if lines else []


def _inclusion_rule(rule: str, parts: list[SampleColumn], total: SampleColumn, question: str) -> str:
    """Included, unless a part is larger than its total. Columns with missing cells are not compared."""
    notation = Notation(",", ".") if total.has_comma else Notation(".", ",")
    is_larger = any(
        (a := notation.number(part)) is not None and (b := notation.number(whole)) is not None and a > b
        for column in parts
        if len(column.cells) == len(total.cells)
        for part, whole in zip(column.cells, total.cells, strict=True)
    )
    return _line(rule, "false" if is_larger else "true", question)


def _event(targets: dict[str, SampleColumn], sample: Sample, notation: Notation) -> list[str]:
    lines = ["[event]"]
    if "event.event_id" not in targets:
        lines.append(
            "# event_id: no column is different in every row, so equal rows are told apart by counting them"
        )
    for target, column in targets.items():
        table, _, name = target.partition(".")
        if table == "event":
            lines.append(_target_line(name, column, notation))
    taken = {column.name for column in targets.values()}
    lines += [
        f"# not mapped: {_text(column.name)} ({column.kind})"
        for column in sample.columns.values()
        if column.name not in taken and not _is_label(column)
    ]
    return lines


def _target_line(name: str, column: SampleColumn, notation: Notation) -> str:
    quoted_name = _text(column.name)
    if name in {"latency", "time_to_first_token"}:
        unit = inference.unit_in_name(column.name)
        return _line(
            name,
            f'{{ column = {quoted_name}, unit = "{unit or _probable_unit(column)}" }}',
            "" if unit else "is this the unit?",
        )
    if name == "status":
        return _status(column)
    if name.endswith("_tokens") and any(_is_fraction(notation.number(cell)) for cell in column.cells):
        return _line(
            name, f'{{ column = {quoted_name}, unit = "thousand" }}', "fractions: are these thousands?"
        )
    return _line(name, quoted_name, "")


def _is_fraction(number: Decimal | None) -> bool:
    return number is not None and number != number.to_integral_value()


def _probable_unit(column: SampleColumn) -> str:
    fractions = any("." in cell or "," in cell for cell in column.cells)
    return (
        "s"
        if fractions
        and all(len(re.split("[.,]", cell)[0]) < len(str(_SECONDS_BELOW)) for cell in column.cells)
        else "ms"
    )


def _status(column: SampleColumn) -> str:
    if len(column.distinct) > _MOST_STATUSES:
        return f"# status: {_text(column.name)} has too many values to guess what they mean"
    meanings = ", ".join(f"{_text(cell)} = {_text(_status_of(cell))}" for cell in column.distinct)
    return _line(
        "status", f"{{ column = {_text(column.name)}, values = {{ {meanings} }} }}", "is this what they mean?"
    )


def _status_of(cell: str) -> str:
    if _SUCCESS.fullmatch(cell):
        return "success"
    return "cancelled" if _CANCELLED.fullmatch(cell) else "error"


def _labels(targets: dict[str, SampleColumn], sample: Sample) -> list[str]:
    taken = {column.name for column in targets.values()}
    free = [column for column in sample.columns.values() if column.name not in taken and _is_label(column)]
    if not free:
        return []
    lines = [f"# {_text(column.name)} = {_text(column.name)}" for column in free[:_MOST_LABELS]]
    return ["# [labels]  # whatever else calls should be told apart by", *lines]


def _is_label(column: SampleColumn) -> bool:
    few_values = len(column.distinct) * 2 <= len(column.cells) or len(column.cells) <= _MOST_LABELS
    return column.kind in {"text", "true or false"} and few_values and not column.is_secret


def _cost(targets: dict[str, SampleColumn]) -> list[str]:
    amounts = {
        target.partition(".")[2]: column for target, column in targets.items() if target.startswith("cost.")
    }
    currency = amounts.pop("currency", None)
    if not amounts:
        return []
    if currency is not None:
        currency_line = _line("currency", f"{{ column = {_text(currency.name)} }}", "")
    else:
        cells = "".join(cell for column in amounts.values() for cell in column.cells)
        named_currency = next(
            filter(None, (inference.currency_in_name(column.name) for column in amounts.values())), None
        )
        code = named_currency or ("EUR" if "€" in cells else "GBP" if "£" in cells else "USD")
        currency_line = _line("currency", _text(code), "is this the currency?")
    lines = ["[cost]", currency_line]
    if {"cache_read", "cache_write"} & amounts.keys() and "input" in amounts:
        lines.append(_line("cache_in_input", "false", "is the cost of the cache counted in the input's?"))
    if {"reasoning", "output"} <= amounts.keys():
        lines.append(
            _line("reasoning_in_output", "false", "is the cost of reasoning counted in the output's?")
        )
    return lines + [_line(name, _text(column.name), "") for name, column in amounts.items()]


def _skip(sample: Sample) -> list[str]:
    """A rule to skip rows of totals, which are not calls."""
    total = next(iter(sample.totals.items()), None)
    if total is None:
        return []
    return [
        "[[skip]]  # a row that is no call",
        f"column = {_text(total[0])}",
        f"values = [{_text(total[1])}]",
    ]


def _is_number_target(target: str) -> bool:
    name = target.partition(".")[2]
    return (
        name.endswith("_tokens")
        or (target.startswith("cost.") and name != "currency")
        or name in {"latency", "time_to_first_token"}
    )


def _line(key: str, value: str, comment: str) -> str:
    setting = f"{key} = {value}"
    return f"{setting:<{_COMMENT_FROM}}  # {_commented(comment)}" if comment else setting


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _commented(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
