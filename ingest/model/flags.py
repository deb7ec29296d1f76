"""Flags: codes on a call whose whole is certain and of which a part is doubtful, or whose price is.

A flagged call counts like any other. The flag says which part was dropped or what has to be looked at.
`docs/ledger.md` has the table of cases.
"""

from collections.abc import Iterable
from typing import Final

PART_DROPPED: Final = "part_dropped"
CACHE_OVERLAP: Final = "cache_overlap"
TOTAL_DISAGREES: Final = "total_disagrees"
COST_FAR_OFF: Final = "cost_far_off"
PARTLY_PRICED: Final = "partly_priced"

FLAGS: Final = {
    PART_DROPPED: "A part of the tokens did not fit its total and was dropped; the total stands.",
    CACHE_OVERLAP: "Cached and written tokens overlapped; the total of the input stands.",
    TOTAL_DISAGREES: "The stated total of tokens did not fit input and output; input and output stand.",
    COST_FAR_OFF: "The reported cost is far from the computed cost; the reported cost stands.",
    PARTLY_PRICED: "Some of the usage has no known price; the cost is the sum of the rest.",
}
"""Every flag, with what it means."""

OF_PRICING: Final = frozenset((COST_FAR_OFF, PARTLY_PRICED))
"""Flags that pricing gives. Pricing a call again decides them anew; the others stay."""


def joined(flags: Iterable[str]) -> str | None:
    """The flags as the ledger stores them: sorted codes with commas between them, None without flags."""
    return ",".join(sorted(set(flags))) or None


def split(text: str | None) -> tuple[str, ...]:
    """The flags of a stored text."""
    return tuple(text.split(",")) if text else ()
