"""Terms: dated discounts, mark-ups and regional surcharges on the published prices of some calls.

A term is a factor: 0.88 for 12% off, 1.1 for a region that costs a tenth more. At most one term of each kind
applies to a call: the most specific term, and among equally specific terms the term added last. Terms are
only ever added, like prices; a term with the factor 1 ends an earlier term.
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
    """A factor on the prices of some calls; a field of `*` or None does not restrict the calls.

    `model` and `region` may contain `*` for any characters. A region's factor is part of the list price. A
    discount turns the list price into the contracted price, a mark-up the contracted price into the price
    charged.
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

    @property
    def scope(self) -> tuple[str | None, ...]:
        """The kind, and the calls that the term applies to. Terms of the same scope replace each other."""
        return self.kind, self.provider, self.model, self.region, self.team, self.customer

    def concerns(
        self, provider: str, model: str, region: str | None, team: str | None, customer: str | None
    ) -> bool:
        """Whether the term applies to such calls, at any time."""
        return (
            self.provider in (ANY, provider)
            and fnmatchcase(model, self.model)
            and (self.region is None or fnmatchcase(region or "", self.region))
            and self.team in (None, team)
            and self.customer in (None, customer)
        )

    def covers(self, at: int) -> bool:
        """Whether the term is valid at an instant (microseconds UTC)."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )

    @property
    def precedence(self) -> tuple[int, ...]:
        """The sort key of terms; the highest applies.

        Buyer comes first, then region, model, provider, and recency.
        """
        return (
            (self.team is not None) + (self.customer is not None),
            self.region is not None,
            len(self.model) if self.model != ANY else 0,
            self.provider != ANY,
            self.added_at,
            self.number,
        )


def applicable_terms(terms: Iterable[Term], at: int) -> tuple[Term, ...]:
    """The terms among `terms` that apply at an instant, at most one of each kind."""
    applicable = sorted((term for term in terms if term.covers(at)), key=lambda term: term.precedence)
    by_kind = {term.kind: term for term in applicable}
    return tuple(by_kind[kind] for kind in KINDS if kind in by_kind and by_kind[kind].factor != 1)


def percent_of(term: Term) -> str:
    """The factor as a percentage: 12% off for a discount, 5% on top for a mark-up or a region."""
    part = (1 - term.factor if term.kind == "discount" else term.factor - 1) * 100
    text = f"{part:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"
