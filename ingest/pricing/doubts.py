"""The flags that pricing gives a call: its money counts, and has to be looked at."""

from typing import Final

from ingest.model.flags import COST_FAR_OFF, PARTLY_PRICED
from ingest.model.money import PICO_PER_UNIT
from ingest.pricing.charge import Charge

COST_FACTOR: Final = 100
"""A reported cost this many times the computed cost, or this small a part of it, is far from it."""
_WORTH_A_LOOK: Final = PICO_PER_UNIT
"""Pico-units. Where both costs are below one unit of the currency, they are never far from each other."""


def doubts(charge: Charge, factor: int = COST_FACTOR) -> tuple[str, ...]:
    """The flags of a charge."""
    if charge.cost_source == "computed" and charge.unpriced_reason is None:
        return ()
    if charge.is_partly_priced:
        return (PARTLY_PRICED,)
    return (COST_FAR_OFF,) if _is_far_off(charge, factor) else ()


def _is_far_off(charge: Charge, factor: int) -> bool:
    if charge.reported_total is None or charge.computed_total is None or charge.cost_source != "reported":
        return False
    lower, higher = sorted((charge.reported_total, charge.computed_total))
    return higher >= _WORTH_A_LOOK and higher > lower * factor
