"""Terms: what changes published prices for some calls. Discounts, mark-ups, and surcharges of regions, each dated.

A term is a factor: 0.88 for 12% off, 1.1 for a region that costs a tenth more. Of each kind one term applies to a call:
the most specific, and of equally specific ones that which was added last. Terms are only ever added, like prices; one
with the factor 1 ends an earlier one.
"""

from collections.abc import Iterable
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

from ingest.pricing.point import ANY

TermKind = Literal["region", "discount", "markup"]
KINDS: Final[tuple[TermKind, ...]] = ("region", "discount", "markup")


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A factor on the prices of some calls; `*` or None where it does not narrow them.

    `model` and `region` may hold `*` for any letters. A region's factor is part of the list price, a discount leads from there to the
    contracted price, a mark-up from there to what the call is charged at.
    """

    kind: TermKind
    factor: Decimal
    provider: str = ANY
    model: str = ANY
    region: str | None = None
    team: str | None = None
    customer: str | None = None
    valid_from: int | None = None
    valid_to: int | None = None
    origin: str = ""
    added_at: int = 0
    added_by: str = ""
    number: int = 0

    def concerns(
        self, provider: str, model: str, region: str | None, team: str | None, customer: str | None
    ) -> bool:
        """Whether it is about such calls, whenever they are made."""
        return (
            self.provider in (ANY, provider)
            and fnmatchcase(model, self.model)
            and (self.region is None or fnmatchcase(region or "", self.region))
            and self.team in (None, team)
            and self.customer in (None, customer)
        )

    def covers(self, at: int) -> bool:
        """Whether it holds at an instant (microseconds UTC)."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )

    @property
    def precedence(self) -> tuple[int, ...]:
        """The highest applies: who is charged stands before what, what before whose it is, then the later."""
        return (
            (self.team is not None) + (self.customer is not None),
            self.region is not None,
            len(self.model) if self.model != ANY else 0,
            self.provider != ANY,
            self.added_at,
            self.number,
        )


def applying(terms: Iterable[Term], at: int) -> tuple[Term, ...]:
    """The terms that hold at an instant, at most one of a kind, of those that concern a call."""
    held = sorted((one for one in terms if one.covers(at)), key=lambda one: one.precedence)
    by_kind = {one.kind: one for one in held}
    return tuple(by_kind[kind] for kind in KINDS if kind in by_kind and by_kind[kind].factor != 1)


def percent_of(term: Term) -> str:
    """The factor as people say it: 12% off for a discount, 5% on top for a mark-up or a region."""
    part = (1 - term.factor if term.kind == "discount" else term.factor - 1) * 100
    text = f"{part:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"
