"""A cost explanation as JSON, and its lines as text.

In JSON, money is decimal text at full precision, products are exact, and times are RFC 3339.
"""

from collections.abc import Mapping
from typing import Any

from dashboard.formatting import format as wording
from dashboard.prices.explanation import Calculation, Explanation, exact_text
from ingest.clock import rfc3339
from ingest.model.money import plain
from ingest.pricing.breakdown import ONE, CostLine
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.terms import Term


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The explanation as `GET /v1/requests/{event_id}/cost` and `tallybook prices explain --json` give it."""
    event, stored = explanation.event, explanation.stored
    return {
        "event_id": explanation.event_id,
        "source": event.source,
        "source_event_id": explanation.source_event_id,
        "occurred_at": _moment(event.occurred_at),
        "provider": event.provider,
        "model": event.model,
        "service_tier": event.service_tier,
        "region": event.region,
        "status": event.status,
        "currency": event.currency,
        "cost_source": explanation.cost_source,
        "why": explanation.why,
        "advice": explanation.advice,
        "total": _money(stored["total_cost"]),
        "list_total": _money(stored["list_total"]),
        "contracted_total": _money(stored["contracted_total"]),
        "reported_total": _money(stored["reported_total"]),
        "computed_total": _money(stored["computed_total"]),
        "saved": _money(explanation.saved),
        "components": {name: plain(amount) for name in COMPONENTS if (amount := stored[name]) is not None},
        "calculation": None if explanation.calculation is None else _calculation(explanation.calculation),
        "lookup_cost": _money(explanation.lookup_cost),
        "holds": explanation.is_proved if explanation.cost_source == "computed" else None,
        "differences": list(explanation.differences),
        "todays_book": _today(explanation),
    }


def _today(explanation: Explanation) -> dict[str, Any] | None:
    if explanation.today is not None:
        return {"calculation": _calculation(explanation.today), "reason": None}
    return {"calculation": None, "reason": explanation.today_missing} if explanation.today_missing else None


def _calculation(calculation: Calculation) -> dict[str, Any]:
    prices, breakdown = calculation.prices, calculation.breakdown
    return {
        "rule": calculation.rule,
        "provider": prices.provider,
        "model": prices.model,
        "service_tier": prices.service_tier,
        "above_input_tokens": prices.above_input_tokens,
        "currency": prices.currency,
        "origin": prices.origin,
        "terms": [_term(term) for term in prices.terms],
        "lines": [_line(calculation, line) for line in breakdown.lines],
        "sums": [
            {
                "component": part.component,
                "exact": exact_text(part.exact),
                "after_terms": exact_text(part.charged),
                "amount": plain(part.charged_pico),
            }
            for part in breakdown.sums
        ],
        "list_total": plain(breakdown.list_total),
        "contracted_total": plain(breakdown.contracted_total),
        "total": plain(breakdown.total),
    }


def _line(calculation: Calculation, line: CostLine) -> dict[str, Any]:
    row = calculation.rows.get(line.charged_as) if line.instead_of is None else None
    return {
        "component": line.component,
        "meter": line.meter,
        "charged_as": line.charged_as,
        "quantity": line.quantity,
        "counted": line.quantity if line.counted is None else line.counted,
        "price": f"{line.rate.price:f}",
        "per": line.rate.per,
        "instead_of": None if line.instead_of is None else str(line.instead_of),
        "above": line.above,
        "region_factor": exact_text(line.region) if line.region != ONE else None,
        "product": exact_text(line.product),
        "price_from": line.rate.row or calculation.prices.origin,
        "added_at": None if row is None else _moment(row.added_at),
        "added_by": None if row is None else row.added_by,
        "valid_from": None if row is None else _moment(row.valid_from),
        "valid_to": None if row is None else _moment(row.valid_to),
    }


def _term(term: Term) -> Mapping[str, Any]:
    return {
        "kind": term.kind,
        "factor": f"{term.factor:f}",
        "provider": term.provider,
        "model": term.model,
        "region": term.region,
        "team": term.team,
        "customer": term.customer,
        "origin": term.origin,
        "number": term.number or None,
        "added_at": _moment(term.added_at) if term.number else None,
        "added_by": term.added_by or None,
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def _money(pico: int | None) -> str | None:
    return None if pico is None else plain(pico)


def meter_text(line: CostLine) -> str:
    """The meter, and the meter whose price it uses if it has none of its own."""
    name = line.meter.replace("_", " ")
    if line.instead_of is not None:
        return f"{name} above {wording.number(line.above)}"
    if line.counted is not None:
        return f"{name} (counts {wording.number(line.counted)})"
    return name if line.charged_as == line.meter else f"{name}, as {line.charged_as.replace('_', ' ')}"


def price_text(line: CostLine) -> str:
    """The price of one line."""
    price = f"{line.rate.price:f} per {wording.number(line.rate.per)}"
    if line.instead_of is not None:
        price += f" instead of {line.instead_of.price:f} per {wording.number(line.instead_of.per)}"
    return price if line.region == ONE else f"{price} x {exact_text(line.region)} for the region"


def price_from(calculation: Calculation, line: CostLine) -> str:
    """The row of a line's price and who added it; empty if the price comes from the price set's origin."""
    row = calculation.rows.get(line.charged_as) if line.instead_of is None else None
    origin = line.rate.row
    return origin if row is None else f"{origin}, added by {row.added_by} on {rfc3339(row.added_at)[:10]}"
