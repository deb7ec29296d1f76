"""Units in which people write prices: per million tokens or characters, per second of what lasts, per one of anything else."""

from typing import Final

from ingest.pricing.rates import METERS, OF_REGIONS

_MILLION: Final = 1_000_000
_SECOND: Final = 1_000


def per_of(meter: str) -> int:
    """For how many units of the meter a price is that somebody writes down."""
    if meter in OF_REGIONS or meter == "character":
        return _MILLION
    return _SECOND if meter.endswith("_ms") else 1


def meter_of(written: str) -> str | None:
    """The meter that a name means; durations may be called by their seconds. None where it means none."""
    name = written.strip().lower()
    if name.endswith("_seconds"):
        name = f"{name.removesuffix('_seconds')}_ms"
    return name if name in METERS else None


def written_as(meter: str) -> str:
    """The name by which people write a meter: what lasts has prices per second."""
    return f"{meter.removesuffix('_ms')}_seconds" if meter.endswith("_ms") else meter


def unit_of(meter: str, per: int) -> str:
    """What a price for so many units of the meter is for, in words: `million tokens`, `minute`, `1,000 searches`."""
    one, many = _WORDS.get(meter, ("token", "tokens"))
    if meter.endswith("_ms"):
        if per in _DURATIONS:
            return _DURATIONS[per]
        return f"{per // _SECOND:,} seconds" if per % _SECOND == 0 else f"{per:,} milliseconds"
    if per == 1:
        return one
    return f"million {many}" if per == _MILLION else f"{per:,} {many}"


def units_of(meter: str) -> int:
    """How many units of the meter are one of what people count: a second is 1,000 milliseconds."""
    return _SECOND if meter.endswith("_ms") else 1


_DURATIONS: Final = {_SECOND: "second", 60 * _SECOND: "minute", 3_600 * _SECOND: "hour"}
_WORDS: Final = {
    "search": ("search", "searches"),
    "request": ("request", "requests"),
    "tool_call": ("tool call", "tool calls"),
    "character": ("character", "characters"),
    "page": ("page", "pages"),
    "image": ("image", "images"),
    "search_unit": ("search unit", "search units"),
}
