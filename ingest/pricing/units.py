"""Units in which prices are written: a million tokens or characters, a second, or one of anything else."""

from typing import Final

from ingest.pricing.rates import METERS, REGIONAL_METERS

_MILLION: Final = 1_000_000
_SECOND: Final = 1_000


def per_of(meter: str) -> int:
    """The number of units of the meter that a written price is for."""
    if meter in REGIONAL_METERS or meter == "character":
        return _MILLION
    return _SECOND if meter.endswith("_ms") else 1


def meter_of(text: str) -> str | None:
    """The meter of a written name, or None for an unknown name. Durations may be written in seconds."""
    name = text.strip().lower()
    if name.endswith("_seconds"):
        name = f"{name.removesuffix('_seconds')}_ms"
    return name if name in METERS else None


def written_as(meter: str) -> str:
    """The name under which a meter is written: durations are written in seconds."""
    return f"{meter.removesuffix('_ms')}_seconds" if meter.endswith("_ms") else meter


def unit_of(meter: str, per: int) -> str:
    """The unit of a price per `per` units of the meter: `million tokens`, `minute`, `1,000 searches`."""
    singular, plural = _UNIT_NAMES.get(meter, ("token", "tokens"))
    if meter.endswith("_ms"):
        if per in _DURATIONS:
            return _DURATIONS[per]
        return f"{per // _SECOND:,} seconds" if per % _SECOND == 0 else f"{per:,} milliseconds"
    if per == 1:
        return singular
    return f"million {plural}" if per == _MILLION else f"{per:,} {plural}"


def units_of(meter: str) -> int:
    """The number of units of the meter in one written unit: a second is 1,000 milliseconds."""
    return _SECOND if meter.endswith("_ms") else 1


_DURATIONS: Final = {_SECOND: "second", 60 * _SECOND: "minute", 3_600 * _SECOND: "hour"}
_UNIT_NAMES: Final = {
    "search": ("search", "searches"),
    "request": ("request", "requests"),
    "tool_call": ("tool call", "tool calls"),
    "character": ("character", "characters"),
    "page": ("page", "pages"),
    "image": ("image", "images"),
    "search_unit": ("search unit", "search units"),
}
