"""What a statement holds beside the calls of its days, as charges: for the profile `chargeback`.

With them, the rows of each owner add up to what the statement says that it owes, to the last unit.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from dashboard.chargeback.allocation import METHODS, UNASSIGNED
from dashboard.chargeback.statement import CAUSES, Correction, Fee, Statement, by_id
from dashboard.chargeback.statement import Allocation as Part
from dashboard.focus.attribution import Person
from dashboard.focus.decimals import ZERO, of_pico, plus
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import Allocation, Charge
from dashboard.focus.provider_charges import sku_of
from dashboard.focus.row import Category
from dashboard.query.calendar import of_month, read_month
from ingest.model.ownership import Owner

_CHANGES: Final = ("late", "ownership", "price")
"""Causes of corrections: a closed month is not what the ledger says."""
_CATEGORIES: Final[Mapping[str, Category]] = {"credit": "Credit", "tax": "Tax"}

Used = Mapping[Owner, Decimal]
"""What the rows of usage come to by owner, in the reporting currency."""


@dataclass(frozen=True)
class Owed:
    """A statement's charges beside usage, for the days that it is about."""

    found: Statement
    span: Span
    person: Callable[[int | None], Person | None]
    monthly: Collection[str] = ()
    """Fees that come every month."""
    invoice_id: str | None = None

    def charges(self, used: Used) -> Iterator[Charge]:
        """All of them. Two that are about the same are told apart by their order."""
        seen: Counter[str] = Counter()
        for charge in self._charges(used):
            seen[charge.key] += 1
            yield replace(charge, key=f"{charge.key}:{seen[charge.key]}")

    def _charges(self, used: Used) -> Iterator[Charge]:
        for fee in self.found.fees:
            if fee.owner is not None:
                yield self._fee(fee, fee.owner)
        providers = {f"fee:{fee.name}": fee.provider for fee in self.found.fees}
        for part in self.found.allocations:
            yield self._part(part, providers.get(part.pool))
        for one in self.found.corrections:
            yield self._correction(one)
        yield from self._differences(used)

    def _about(self, kind: str, description: str, owner: Owner, amount: int) -> dict[str, Any]:
        idents = (person.ident if (person := self.person(one)) else "" for one in owner)
        return {
            "key": ":".join((self.found.period, kind, description, *idents)),
            "description": description,
            "first_day": self.span.first_day,
            "end_day": self.span.end_day,
            "amount": of_pico(amount),
            "currency": self.found.currency,
            "team": self.person(owner.team_id),
            "customer": self.person(owner.customer_id),
            "cost_center": self.person(owner.cost_center_id),
            "invoice_id": self.invoice_id,
        }

    def _fee(self, fee: Fee, owner: Owner) -> Charge:
        about = self._about("fee", fee.name, owner, fee.amount)
        return Charge(**about, **self._bought(fee.name, fee.amount, fee.provider))

    def _part(self, part: Part, provider: str | None) -> Charge:
        """A part of a pool. Calls that belong to nobody are rows already: theirs are given on, and taken from nobody."""
        name = part.pool.removeprefix("fee:")
        # What is given on is taken from where it was: that is no allocated part.
        is_given = part.method != "keep" and Fraction(part.share) >= 0
        given = self._allocation(part) if is_given else None
        words = f"{name}: {METHODS[part.method]}"
        if part.pool == UNASSIGNED:
            words = f"Calls that belong to no team: {METHODS[part.method]}"
            about = self._about("allocation", words, part.owner, part.amount)
            return Charge(**about, category="Adjustment", allocation=given)
        about = self._about("allocation", words, part.owner, part.amount)
        return Charge(**about, **self._bought(name, part.amount, provider), allocation=given)

    def _bought(self, name: str, amount: int, provider: str | None) -> dict[str, Any]:
        if amount < 0:
            return {"category": "Credit", "provider": provider}
        frequency = "Recurring" if name in self.monthly else "One-Time"
        return {"category": "Usage", "sku": sku_of(name), "provider": provider, "frequency": frequency}

    def _allocation(self, part: Part) -> Allocation:
        person = self.person(part.owner.team_id)
        return Allocation(
            method=f"{part.method}:{part.pool}:rule-{part.rule}",
            ratio=Fraction(part.share),
            resource_id=f"team:{person.ident}" if person else "unassigned",
            resource_name=person.name if person else None,
        )

    def _correction(self, one: Correction) -> Charge:
        reason = f": {one.reason}" if one.reason else ""
        months = f" of {one.about}" if one.about else ""
        words = f"{CAUSES[one.cause]}{months}{reason}"
        about = self._about("correction", words[0].upper() + words[1:], one.owner, one.amount)
        if one.cause in _CHANGES and one.about is not None:
            first, end = of_month(read_month(one.about)).days
            about |= {"first_day": first, "end_day": end, "invoiced_on": self.span.first_day}
            return Charge(**about, category="Usage", is_correction=True, frequency="Usage-Based")
        return Charge(**about, category=_CATEGORIES.get(one.cause, "Adjustment"))

    def _differences(self, used: Used) -> Iterator[Charge]:
        """What the statement and the rows of usage differ by: shares that have no end, or changes since it was closed."""
        held: dict[Owner, int] = {}
        largest = of_pico(len(self.found.details))
        for one in self.found.details:
            held[one.owner] = held.get(one.owner, 0) + one.used.cost
        for owner in sorted({*held, *used}, key=by_id):
            beyond = plus(of_pico(held.get(owner, 0)), -used.get(owner, ZERO))
            is_rounding = abs(beyond) <= largest
            if not beyond or not (is_rounding or self.found.status == "closed"):
                continue
            words = "Rounding of shared or converted calls"
            if not is_rounding:
                words = "Changes since the month was closed, which are charged in a later one"
            about = self._about("difference", words, owner, 0) | {"amount": beyond}
            yield Charge(**about, category="Adjustment")
