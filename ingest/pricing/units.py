"""Units in which people write prices: per million tokens, per second of what lasts, per one of anything else."""

from typing import Final

from ingest.pricing.rates import METERS, OF_REGIONS

_MILLION: Final = 1_000_000
_SECOND: Final = 1_000


def per_of(meter: str) -> int:
    """For how many units of the meter a price is that somebody writes down."""
    if meter in OF_REGIONS:
        return _MILLION
    return _SECOND if meter.endswith("_ms") else 1


def meter_of(written: str) -> str | None:
    """The meter that a name means; durations may be called by their seconds. None where it means none."""
    name = written.strip().lower()
    if name.endswith("_seconds"):
        name = f"{name.removesuffix('_seconds')}_ms"
    return name if name in METERS else None
