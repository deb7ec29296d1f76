"""Text from outside as it is shown: no terminal obeys a character of it, and every output can encode it."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Controls, marks that change the direction of text, line separators, and halves of characters."""
_UNDECODED: Final = range(0xDC80, 0xDD00)
"""What Python makes of bytes in a file name that are not UTF-8: 0xDC00 and the byte."""


def visible(text: str) -> str:
    r"""`text` with an escape such as `\x1b` in place of each unsafe character; line feeds and tabs stay."""
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def visible_name(text: str) -> str:
    r"""The same in a single line: a line feed is `\n`, a tab `\t`."""
    return visible(text).replace("\n", r"\n").replace("\t", r"\t")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code in _UNDECODED:
        code -= 0xDC00
    return f"\\u{code:04x}" if code >> 8 else f"\\x{code:02x}"
