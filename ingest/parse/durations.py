"""Lengths of time as people type them: 30m, 6h, 1d."""

import re
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")


def read_duration(text: str) -> int | None:
    """The seconds of a duration, at least one; None for what is no duration."""
    match = _DURATION.fullmatch(text.strip())
    return int(match[1]) * _UNITS[match[2]] or None if match else None
