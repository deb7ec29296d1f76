"""Price points and contract terms as text and as JSON."""

from typing import Any

from ingest.ledger.engine import Ledger
from ingest.parse.dates import written
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.terms import Term, percent_of
from ingest.pricing.units import unit_of


def unit_text(point: PricePoint) -> str:
    """The unit of a point's price, and the least quantity that a call is billed."""
    if point.price is None:
        return ""
    least = f", at least {unit_of(point.meter, point.least)} a call" if point.least else ""
    return f"per {unit_of(point.meter, point.per)}{least}"


def validity_text(ledger: Ledger, point: PricePoint) -> str:
    """The period in which a point is valid, in the reporting zone."""
    since = "" if point.valid_from is None else f"from {written(point.valid_from, ledger.zone)}"
    until = "" if point.valid_to is None else f"to {written(point.valid_to, ledger.zone)}"
    return " ".join(filter(None, (since, until))) or "always"


def scope_of_point(point: PricePoint) -> str:
    """The service tier, context band and hours to which a point is limited."""
    parts = [
        "" if point.service_tier == "standard" else f"service tier {point.service_tier}",
        _band(point),
        f"{point.hours} UTC" if point.hours else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def _band(point: PricePoint) -> str:
    if not point.above:
        return ""
    if point.marginal:
        return f"only the units above {point.above:,} in a call"
    return f"calls with more than {point.above:,} input tokens"


def calls_of_term(term: Term) -> str:
    """The calls that a term applies to, as text."""
    model = "" if term.model == ANY else f"/{term.model}"
    models = "all" if term.provider == ANY and not model else f"{term.provider}{model}"
    scopes = (("in", term.region), ("of team", term.team), ("of customer", term.customer))
    return " ".join([models, *(f"{word} {value}" for word, value in scopes if value is not None)])


def term_object(term: Term) -> dict[str, Any]:
    """A term as JSON shows it."""
    return {
        "kind": term.kind,
        "provider": term.provider,
        "model": term.model,
        "region": term.region,
        "team": term.team,
        "customer": term.customer,
        "percent": percent_of(term),
        "factor": f"{term.factor:f}",
        "valid_from": None if term.valid_from is None else written(term.valid_from),
        "valid_to": None if term.valid_to is None else written(term.valid_to),
        "note": term.origin,
        "added_at": written(term.added_at) if term.added_at else None,
        "added_by": term.added_by,
    }
