"""What would price usage that has no price: the assignments of `prices set`, from a stored reason."""

import re
from collections.abc import Iterator
from typing import Final

from ingest.pricing.compute import MEASURES, meter_without_price
from ingest.pricing.units import meter_of, written_as

_METERS: Final = re.compile(r"no price for the meters? (?P<meters>\w+(?: and \w+)*) of ")
_METER_OF_COUNT: Final = {name: meter_without_price(meters) for name, meters, _ in MEASURES}
"""Reasons of older ledgers name the count in place of the meter."""


def missing_meters(reason: str) -> tuple[str, ...]:
    """The meters that a reason names; empty where the whole model has no price."""
    return tuple(_meters(reason))


def assignments(reason: str, price: str = "...") -> str:
    """The prices to set, as `prices set` takes them: the meters that lack, or the usual ones of a model."""
    meters = missing_meters(reason) or ("input", "output")
    return " ".join(f"{written_as(meter)}={price}" for meter in meters)


def _meters(reason: str) -> Iterator[str]:
    if match := _METERS.search(reason):
        for name in match["meters"].split(" and "):
            if meter := meter_of(_METER_OF_COUNT.get(name, name)):
                yield meter
