"""Checks of the cost that a source reports: what no call can cost is refused, never booked."""

from typing import Final

from ingest.model.event import ReportedCost
from ingest.model.money import MoneyError, plain

_TOLERANCE: Final = 1_000_000
"""Pico-units by which rounding may lift a component above its true amount: a millionth of a unit."""
_PARTS: Final = tuple(
    name for name in ReportedCost.__struct_fields__ if name not in {"total", "believed_zero"}
)
_MAY_BE_NEGATIVE: Final = "other"
"""The component for what formats document as credits and reductions."""


def is_believed(reported: ReportedCost | None) -> bool:
    """Whether a cost is stated and believed: a 0 only where the source vouches for it."""
    if reported is None:
        return False
    parts = (getattr(reported, name) or 0 for name in _PARTS)
    return reported.believed_zero or (sum(parts) if reported.total is None else reported.total) != 0


def check_reported(reported: ReportedCost) -> None:
    """Refuse a cost below zero, and components that are larger than their total by more than rounding.

    Raises:
        MoneyError: with both amounts, or the component and its amount.
    """
    parts = {name: amount for name in _PARTS if (amount := getattr(reported, name)) is not None}
    for name, amount in parts.items():
        if amount < 0 and name != _MAY_BE_NEGATIVE:
            raise MoneyError(f"the reported {name} cost is {plain(amount)}: a call costs nothing or more")
    if reported.total is None:
        return
    if reported.total < 0:
        raise MoneyError(f"the reported cost is {plain(reported.total)}: a call costs nothing or more")
    together = sum(parts.values())
    tolerance = _TOLERANCE * len(parts) + reported.total // 1_000
    if reported.total and together > reported.total + tolerance:
        raise MoneyError(
            f"the reported components add up to {plain(together)}, more than the reported total of "
            f"{plain(reported.total)}"
        )
