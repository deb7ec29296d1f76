"""Python's own notation of values, which LiteLLM's oldest callback posts as text: `{'a': None}`, `Usage(total=1)`.

An object becomes a mapping of its named arguments. What only looks like a value (`<object at 0x7f>`, a class) is None:
it says nothing, and what stands beside it is still read. Numbers keep the digits they were written with.
"""

import re
from decimal import Decimal
from typing import Any, Final

from ingest.refusal import Refused

_STRING: Final = re.compile(r"""[bBrRuU]{0,2}('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")""", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}
_NUMBER: Final = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_BLANK: Final = re.compile(r"\s*+")
_CONSTANTS: Final = {"None": None, "True": True, "False": False}
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}
_MOST_DIGITS: Final = 40
"""A number with more is no count and no amount."""
_LONGEST: Final = 2**18
"""Characters that are looked through; usage and metadata have a few thousand."""


def loads(text: str) -> Any:
    """The value that `text` is the notation of, made of dicts, lists, texts, numbers, truths and None.

    Raises:
        Refused: it is none, is cut short, or is far too long.
    """
    if len(text) > _LONGEST:
        raise Refused("too_large", f"more than {_LONGEST:,} characters")
    value, at = _value(text, _blank(text, 0))
    if _blank(text, at) != len(text):
        raise _unreadable(at)
    return value


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value at `at`, and where it ends."""
    start = text[at : at + 1]
    if start in _CLOSING:
        return _container(text, at + 1, _CLOSING[start])
    if found := _STRING.match(text, at):
        return _string(found[0]), found.end()
    if found := _NUMBER.match(text, at):
        return _number(found[0]), found.end()
    if found := _NAME.match(text, at):
        name, end = found[0], found.end()
        if text[end : end + 1] == "(":
            return _container(text, end + 1, ")")
        if name in _CONSTANTS:
            return _CONSTANTS[name], end
    return None, _past(text, at)


def _container(text: str, at: int, closing: str) -> tuple[Any, int]:
    """What a bracket holds, up to `closing`: a dict if anything in it has a name, else a list."""
    items: list[Any] = []
    named: dict[str, Any] = {}
    at = _blank(text, at)
    while text[at : at + 1] != closing:
        key, end = _key(text, at)
        value, at = _value(text, end)
        if key is None:
            items.append(value)
        elif isinstance(key, str):
            named[key] = value
        at = _blank(text, at)
        if text[at : at + 1] not in (",", closing):
            at = _past(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != closing:
            raise _unreadable(at)
    return named if named or (closing == "}" and not items) else items, at + 1


def _key(text: str, at: int) -> tuple[Any, int]:
    """The name before `=` or the key before `:`, and where its value begins; None where there is neither."""
    name = _NAME.match(text, at)
    if name is not None and text[name.end() : name.end() + 1] == "=":
        return name[0], _blank(text, name.end() + 1)
    string = _STRING.match(text, at)
    if string is not None:
        after = _blank(text, string.end())
        if text[after : after + 1] == ":":
            return _string(string[0]), _blank(text, after + 1)
        return None, at
    number = _NUMBER.match(text, at) or name
    after = _blank(text, number.end()) if number is not None else at
    if number is not None and text[after : after + 1] == ":":
        return number[0], _blank(text, after + 1)
    return None, at


def _past(text: str, at: int) -> int:
    """The end of something that is no value: the next comma or closing bracket that is not inside of it."""
    open_ = 0
    while at < len(text):
        if found := _STRING.match(text, at):
            at = found.end()
            continue
        here = text[at]
        if open_ == 0 and here in ",]})":
            return at
        open_ += (here in "[{(<") - (here in "]})>")
        open_ = max(open_, 0)
        at += 1
    return at


def _string(written: str) -> str:
    quote = written[-1]
    return _ESCAPE.sub(_unescaped, written[written.index(quote) + 1 : -1])


def _unescaped(found: re.Match[str]) -> str:
    """The character that is meant; none for NUL, which no database keeps, a question mark for what is none."""
    written = found[1]
    if len(written) == 1:
        return _ESCAPED.get(written, written)
    code = int(written[1:], 16)
    is_character = code < 0x110000 and not 0xD800 <= code < 0xE000  # noqa: PLR2004 - Unicode's end, and surrogates
    return ("?" if not is_character else chr(code)) if code else ""


def _number(written: str) -> int | Decimal | None:
    if len(written) > _MOST_DIGITS:
        return None
    bare = written.replace("_", "")
    try:
        return int(bare) if bare.lstrip("+-").isdecimal() else Decimal(bare)
    except ArithmeticError:
        return None


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _unreadable(at: int) -> Refused:
    return Refused("not_python", f"not Python's notation of a value at character {at + 1}")
