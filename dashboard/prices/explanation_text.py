"""An explanation as JSON, and its lines in words.

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


def as_json(found: Explanation) -> dict[str, Any]:
    """The explanation as `GET /v1/requests/{event_id}/cost` and `tallybook prices explain --json` give it."""
    event, stored = found.event, found.stored
    return {
        "event_id": found.event_id,
        "source": event.source,
        "source_event_id": found.source_event_id,
        "occurred_at": _moment(event.occurred_at),
        "provider": event.provider,
        "model": event.model,
        "service_tier": event.service_tier,
        "region": event.region,
        "status": event.status,
        "currency": event.currency,
        "cost_source": found.cost_source,
        "why": found.why,
        "advice": found.advice,
        "total": _money(stored["total_cost"]),
        "list_total": _money(stored["list_total"]),
        "contracted_total": _money(stored["contracted_total"]),
        "reported_total": _money(stored["reported_total"]),
        "computed_total": _money(stored["computed_total"]),
        "saved": _money(found.saved),
        "components": {name: plain(amount) for name in COMPONENTS if (amount := stored[name]) is not None},
        "calculation": None if found.calculation is None else _calculation(found.calculation),
        "lookup_cost": _money(found.lookup_cost),
        "holds": found.is_proved if found.cost_source == "computed" else None,
        "differences": list(found.differences),
        "todays_book": _today(found),
    }


def _today(found: Explanation) -> dict[str, Any] | None:
    if found.today is not None:
        return {"calculation": _calculation(found.today), "reason": None}
    return {"calculation": None, "reason": found.today_missing} if found.today_missing else None


def _calculation(one: Calculation) -> dict[str, Any]:
    prices, workings = one.prices, one.workings
    return {
        "rule": one.rule,
        "provider": prices.provider,
        "model": prices.model,
        "service_tier": prices.service_tier,
        "above_input_tokens": prices.above_input_tokens,
        "currency": prices.currency,
        "origin": prices.origin,
        "terms": [_term(term) for term in prices.terms],
        "lines": [_line(one, line) for line in workings.lines],
        "sums": [
            {
                "component": part.component,
                "exact": exact_text(part.exact),
                "after_terms": exact_text(part.charged),
                "amount": plain(part.charged_pico),
            }
            for part in workings.sums
        ],
        "list_total": plain(workings.list_total),
        "contracted_total": plain(workings.contracted_total),
        "total": plain(workings.total),
    }


def _line(of: Calculation, line: CostLine) -> dict[str, Any]:
    row = of.rows.get(line.charged_as) if line.instead_of is None else None
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
        "price_from": line.rate.row or of.prices.origin,
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
    """The meter, and whose price it has where it has none of its own."""
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


def price_from(of: Calculation, line: CostLine) -> str:
    """Where the price of a line comes from and who added it; nothing where it is the origin of all of them."""
    row = of.rows.get(line.charged_as) if line.instead_of is None else None
    where = line.rate.row
    return where if row is None else f"{where}, added by {row.added_by} on {rfc3339(row.added_at)[:10]}"
