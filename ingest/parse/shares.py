"""Shares as users type them: `60`, `60%` or `0.6`.

Percentages add up to 100%. Other numbers are weights: each is its part of their sum, whatever it is.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ingest.parse import numbers

_WHOLES: Final = (1, 100)
"""Sums that weights usually have; another sum is worth a note."""


class NotAShare(ValueError):
    """A text is not a share, or shares do not make a whole; the message says what to write."""


def read_shares(texts: Sequence[str], most: int) -> tuple[int, ...]:
    """The parts of the whole that each text stands for: whole numbers from 1 to `most`.

    Raises:
        NotAShare: a text is no share, or percentages do not add up to 100%.
    """
    values = [_value(text) for text in texts]
    marked = [text.strip().endswith("%") for text in texts]
    if any(marked):
        if not all(marked):
            raise NotAShare(f"{_joined(texts)}: write % after each, or after none")
        if sum(values) != 100:  # noqa: PLR2004 - percent
            raise NotAShare(f"{_joined(texts)} make {sum(values):f}%, not 100%")
    digits = max((max(-int(value.as_tuple().exponent), 0) for value in values), default=0)
    parts = tuple(int(value.scaleb(digits)) for value in values)
    for text, part in zip(texts, parts, strict=True):
        if not 0 < part <= most:
            raise NotAShare(_no_share(text))
    return parts


def weights_note(named: Sequence[str], parts: Sequence[int], texts: Sequence[str]) -> str:
    """What weights come to, if they make neither 1 nor 100; an empty text otherwise.

    `named` are the names of what shares, `texts` its shares as they were typed.
    """
    if sum(_value(text) for text in texts) in _WHOLES:
        return ""
    whole = sum(parts)
    shares = ", ".join(f"{name} {part / whole:.2%}" for name, part in zip(named, parts, strict=True))
    return f"{_joined(texts)} are parts of {sum(_value(text) for text in texts):f}: {shares}"


def _value(text: str) -> Decimal:
    try:
        value = numbers.number(text.strip().removesuffix("%"))
    except numbers.NotANumber as error:
        raise NotAShare(_no_share(text)) from error
    if value <= 0:
        raise NotAShare(_no_share(text))
    value = value.normalize()
    return value if value != value.to_integral_value() else value.quantize(Decimal(1))


def _no_share(text: str) -> str:
    return f"{text!r} is no number of parts; write it as 60, 60% or 0.6"


def _joined(texts: Sequence[str]) -> str:
    return " and ".join(text.strip() for text in texts)
