"""The proposal: a mapping for a table that no format knows, to be looked over and used. What was guessed says so."""

import json
import re
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Final

from ingest.mapping import guesses
from ingest.mapping.figures import Notation
from ingest.mapping.sample import Found, Sample

_SUCCESS: Final = re.compile(
    r"ok|success\w*|succeeded|complete\w*|done|finished|true|2\d\d|erfolg\w*", re.IGNORECASE
)
_CANCELLED: Final = re.compile(r"cancel\w*|abort\w*|499", re.IGNORECASE)
_MOST_STATUSES: Final = 12
_MOST_LABELS: Final = 12
_SECONDS_BELOW: Final = 100
_COMMENT_FROM: Final = 56


class NothingToMap(ValueError):
    """A table without a column that could be the time of a call; the message says so."""


def propose(sample: Sample, path: str) -> str:
    """A mapping for the sample of the file at `path`, as TOML.

    Raises:
        NothingToMap: no column looks like the time of a call.
    """
    found = guesses.targets(sample.columns)
    when = found.get("event.occurred_at") or _any_time(sample, found)
    if when is None:
        raise NothingToMap("no column looks like the time of a call, and a call has a time")
    found["event.occurred_at"] = when
    blocks = [
        [
            f"# Proposed for {_commented(path)} from its first {sample.rows:,} records: look it over.",
            *_top(found, path),
        ],
        _numbers(_notation(found)),
        _time(when),
        _tokens(found),
        _event(found, sample, _notation(found)),
        _labels(found, sample),
        _cost(found),
        _skip(sample),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _any_time(sample: Sample, found: dict[str, Found]) -> Found | None:
    taken = {one.name for one in found.values()}
    return next(
        (one for one in sample.columns.values() if one.name not in taken and one.kind == "time"), None
    )


def _top(found: dict[str, Found], path: str) -> list[str]:
    stem = PurePosixPath(path.replace("\\", "/")).name.partition(".")[0]
    lines = [_line("source", _text(stem or "table"), "what these calls come from: ids are unique within it")]
    if nothing := sorted({text for one in found.values() for text in one.nothing}):
        lines.append(_line("empty", json.dumps(nothing), "these mean no value"))
    return lines


def _notation(found: dict[str, Found]) -> Notation:
    figures = [one for target, one in found.items() if _is_figure(target)]
    comma = any(one.has_comma for one in figures)
    grouped = any(one.has_thousands or (comma and one.has_points) for one in figures)
    return Notation("," if comma else ".", ("." if comma else ",") if grouped else None)


def _numbers(notation: Notation) -> list[str]:
    lines = [] if notation.decimal == "." else [f'decimal = "{notation.decimal}"']
    if notation.thousands:
        lines.append(f'thousands = "{notation.thousands}"')
    return ["[numbers]", *lines] if lines else []


def _time(when: Found) -> list[str]:
    forms = when.forms()
    comment = f"or {forms[1]}?" if len(forms) > 1 else ""
    lines = ["[time]", _line("format", _text(forms[0]), comment)]
    if not when.is_number and not all(re.search(r"(Z|UTC|GMT|[+-]\d\d:?\d\d)$", cell) for cell in when.cells):
        lines.append(_line("zone", '"UTC"', "the times name no zone: is this where they were taken?"))
    return lines


def _tokens(found: dict[str, Found]) -> list[str]:
    lines = []
    cache = [one for name in ("cache_read", "cache_write") if (one := found.get(f"event.{name}_tokens"))]
    if cache and (whole := found.get("event.input_tokens")):
        lines.append(
            _inclusion("cache_in_input", cache, whole, "are tokens from the cache counted in input_tokens?")
        )
    reasoning = found.get("event.reasoning_tokens")
    if reasoning and (whole := found.get("event.output_tokens")):
        question = "is reasoning counted in output_tokens?"
        lines.append(_inclusion("reasoning_in_output", [reasoning], whole, question))
    return ["[tokens]", *lines] if lines else []


def _inclusion(rule: str, parts: list[Found], whole: Found, question: str) -> str:
    """Inside, unless some part is larger than its whole. Rows are compared where no cell is missing."""
    notation = Notation(",", ".") if whole.has_comma else Notation(".", ",")
    beside = any(
        (a := notation.number(part)) is not None and (b := notation.number(total)) is not None and a > b
        for one in parts
        if len(one.cells) == len(whole.cells)
        for part, total in zip(one.cells, whole.cells, strict=True)
    )
    return _line(rule, "false" if beside else "true", question)


def _event(found: dict[str, Found], sample: Sample, notation: Notation) -> list[str]:
    lines = ["[event]"]
    if "event.event_id" not in found:
        lines.append(
            "# event_id: no column is different in every row, so equal rows are told apart by counting them"
        )
    for target, one in found.items():
        table, _, name = target.partition(".")
        if table == "event":
            lines.append(_mapped(name, one, notation))
    taken = {one.name for one in found.values()}
    lines += [
        f"# not mapped: {_text(one.name)} ({one.kind})"
        for one in sample.columns.values()
        if one.name not in taken and not _is_label(one)
    ]
    return lines


def _mapped(name: str, one: Found, notation: Notation) -> str:
    column = _text(one.name)
    if name in {"latency", "time_to_first_token"}:
        unit = guesses.unit(one.name)
        return _line(
            name,
            f'{{ column = {column}, unit = "{unit or _probable_unit(one)}" }}',
            "" if unit else "is this the unit?",
        )
    if name == "status":
        return _status(one)
    if name.endswith("_tokens") and any(_is_fraction(notation.number(cell)) for cell in one.cells):
        return _line(name, f'{{ column = {column}, unit = "thousand" }}', "fractions: are these thousands?")
    return _line(name, column, "")


def _is_fraction(number: Decimal | None) -> bool:
    return number is not None and number != number.to_integral_value()


def _probable_unit(one: Found) -> str:
    fractions = any("." in cell or "," in cell for cell in one.cells)
    return (
        "s"
        if fractions and all(len(re.split("[.,]", cell)[0]) < len(str(_SECONDS_BELOW)) for cell in one.cells)
        else "ms"
    )


def _status(one: Found) -> str:
    if len(one.distinct) > _MOST_STATUSES:
        return f"# status: {_text(one.name)} has too many values to guess what they mean"
    meant = ", ".join(f"{_text(cell)} = {_text(_ending(cell))}" for cell in one.distinct)
    return _line(
        "status", f"{{ column = {_text(one.name)}, values = {{ {meant} }} }}", "is this what they mean?"
    )


def _ending(cell: str) -> str:
    if _SUCCESS.fullmatch(cell):
        return "success"
    return "cancelled" if _CANCELLED.fullmatch(cell) else "error"


def _labels(found: dict[str, Found], sample: Sample) -> list[str]:
    taken = {one.name for one in found.values()}
    free = [one for one in sample.columns.values() if one.name not in taken and _is_label(one)]
    if not free:
        return []
    lines = [f"# {_text(one.name)} = {_text(one.name)}" for one in free[:_MOST_LABELS]]
    return ["# [labels]  # whatever else calls should be told apart by", *lines]


def _is_label(one: Found) -> bool:
    few = len(one.distinct) * 2 <= len(one.cells) or len(one.cells) <= _MOST_LABELS
    return one.kind in {"text", "true or false"} and few and not one.is_secret


def _cost(found: dict[str, Found]) -> list[str]:
    amounts = {target.partition(".")[2]: one for target, one in found.items() if target.startswith("cost.")}
    currency = amounts.pop("currency", None)
    if not amounts:
        return []
    if currency is not None:
        said = _line("currency", f"{{ column = {_text(currency.name)} }}", "")
    else:
        cells = "".join(cell for one in amounts.values() for cell in one.cells)
        named = next(filter(None, (guesses.currency(one.name) for one in amounts.values())), None)
        known = named or ("EUR" if "€" in cells else "GBP" if "£" in cells else "USD")
        said = _line("currency", _text(known), "is this the currency?")
    lines = ["[cost]", said]
    if {"cache_read", "cache_write"} & amounts.keys() and "input" in amounts:
        lines.append(_line("cache_in_input", "false", "is the cost of the cache counted in the input's?"))
    if {"reasoning", "output"} <= amounts.keys():
        lines.append(
            _line("reasoning_in_output", "false", "is the cost of reasoning counted in the output's?")
        )
    return lines + [_line(name, _text(one.name), "") for name, one in amounts.items()]


def _skip(sample: Sample) -> list[str]:
    """Rows that call themselves a total are no calls."""
    found = next(iter(sample.totals.items()), None)
    if found is None:
        return []
    return [
        "[[skip]]  # a row that is no call",
        f"column = {_text(found[0])}",
        f"values = [{_text(found[1])}]",
    ]


def _is_figure(target: str) -> bool:
    name = target.partition(".")[2]
    return (
        name.endswith("_tokens")
        or (target.startswith("cost.") and name != "currency")
        or name in {"latency", "time_to_first_token"}
    )


def _line(key: str, value: str, comment: str) -> str:
    said = f"{key} = {value}"
    return f"{said:<{_COMMENT_FROM}}  # {_commented(comment)}" if comment else said


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _commented(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
