"""Python's notation of values, in which LiteLLM's oldest callback posts text, such as `Usage(total=1)`.

An object becomes a mapping of its named arguments. A text that is not a value (`<object at 0x7f>`, a class)
becomes None, and the values beside it are still read. Numbers keep their digits.
"""

import re
from decimal import Decimal
from typing import Any, Final

from ingest.model.rejection import Refused

_STRING: Final = re.compile(r"""[bBrRuU]{0,2}('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_NUMBER: Final = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_BLANKS: Final = re.compile(r"\s*+")
_CONSTANTS: Final = {"None": None, "True": True, "False": False}
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}
_MAX_DIGITS: Final = 40
"""A longer number is neither a count nor an amount."""
_MAX_CHARACTERS: Final = 2**18
"""The limit of a text; usage and metadata have a few thousand characters."""


def loads(text: str) -> Any:
    """The value of `text` in dicts, lists, texts, numbers, booleans and None.

    Raises:
        Refused: the text is not a value, is cut short, or is too long.
    """
    if len(text) > _MAX_CHARACTERS:
        raise Refused("too_large", f"more than {_MAX_CHARACTERS:,} characters")
    value, at = _parse_value(text, _skip_blanks(text, 0))
    if _skip_blanks(text, at) != len(text):
        raise _syntax_error(at)
    return value


def _parse_value(text: str, at: int) -> tuple[Any, int]:
    """The value at position `at`, and the position of its end."""
    start = text[at : at + 1]
    if start in _CLOSING:
        return _parse_container(text, at + 1, _CLOSING[start])
    if match := _STRING.match(text, at):
        return _parse_string(match[0]), match.end()
    if match := _NUMBER.match(text, at):
        return _parse_number(match[0]), match.end()
    if match := _NAME.match(text, at):
        name, end = match[0], match.end()
        if text[end : end + 1] == "(":
            return _parse_container(text, end + 1, ")")
        if name in _CONSTANTS:
            return _CONSTANTS[name], end
    return None, _skip_unknown(text, at)


def _parse_container(text: str, at: int, closing: str) -> tuple[Any, int]:
    """The contents of a bracket, up to `closing`: a dict if any item has a name, else a list."""
    items: list[Any] = []
    named: dict[str, Any] = {}
    at = _skip_blanks(text, at)
    while text[at : at + 1] != closing:
        key, end = _parse_key(text, at)
        value, at = _parse_value(text, end)
        if key is None:
            items.append(value)
        elif isinstance(key, str):
            named[key] = value
        at = _skip_blanks(text, at)
        if text[at : at + 1] not in (",", closing):
            at = _skip_unknown(text, at)
        if text[at : at + 1] == ",":
            at = _skip_blanks(text, at + 1)
        elif text[at : at + 1] != closing:
            raise _syntax_error(at)
    return named if named or (closing == "}" and not items) else items, at + 1


def _parse_key(text: str, at: int) -> tuple[Any, int]:
    """The name before `=` or the key before `:` (None without either), and the position of the value."""
    name = _NAME.match(text, at)
    if name is not None and text[name.end() : name.end() + 1] == "=":
        return name[0], _skip_blanks(text, name.end() + 1)
    string = _STRING.match(text, at)
    if string is not None:
        after = _skip_blanks(text, string.end())
        if text[after : after + 1] == ":":
            return _parse_string(string[0]), _skip_blanks(text, after + 1)
        return None, at
    number = _NUMBER.match(text, at) or name
    after = _skip_blanks(text, number.end()) if number is not None else at
    if number is not None and text[after : after + 1] == ":":
        return number[0], _skip_blanks(text, after + 1)
    return None, at


def _skip_unknown(text: str, at: int) -> int:
    """The end of a text that is not a value: the next comma or closing bracket outside its own brackets."""
    depth = 0
    while at < len(text):
        if match := _STRING.match(text, at):
            at = match.end()
            continue
        character = text[at]
        if depth == 0 and character in ",]})":
            return at
        depth += (character in "[{(<") - (character in "]})>")
        depth = max(depth, 0)
        at += 1
    return at


def _parse_string(literal: str) -> str:
    quote = literal[-1]
    return _ESCAPE.sub(_unescape, literal[literal.index(quote) + 1 : -1])


def _unescape(match: re.Match[str]) -> str:
    """The escaped character; empty for NUL, which no database stores, `?` for an invalid code point."""
    escape = match[1]
    if len(escape) == 1:
        return _ESCAPES.get(escape, escape)
    code = int(escape[1:], 16)
    is_character = code < 0x110000 and not 0xD800 <= code < 0xE000  # noqa: PLR2004 - end and surrogates
    return ("?" if not is_character else chr(code)) if code else ""


def _parse_number(literal: str) -> int | Decimal | None:
    if len(literal) > _MAX_DIGITS:
        return None
    digits = literal.replace("_", "")
    try:
        return int(digits) if digits.lstrip("+-").isdecimal() else Decimal(digits)
    except ArithmeticError:
        return None


def _skip_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _syntax_error(at: int) -> Refused:
    return Refused("not_python", f"not Python's notation of a value at character {at + 1}")
