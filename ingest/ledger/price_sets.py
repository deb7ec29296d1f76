"""Price sets as stored in the ledger: enough to compute a cost again without the price book."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.ledger.entry import PriceSetRow
from ingest.pricing.rates import PriceSet, Rate, Step
from ingest.pricing.terms import Term

_to_json: Final = msgspec.json.Encoder(order="deterministic").encode


class _PriceSetDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of a price set besides its rates: rows of the price book, marginal prices, terms."""

    rows: dict[str, str] = {}
    steps: list[tuple[str, int, str]] = []
    terms: list[Term] = []


_decode_details: Final = msgspec.json.Decoder(_PriceSetDetails).decode
_decode_rates: Final = msgspec.json.Decoder(dict[str, str]).decode


def row_of(prices: PriceSet) -> PriceSetRow:
    """A price set as a row of `price_set`."""
    details = _PriceSetDetails(
        rows=prices.rows,
        steps=[(step.meter, step.above, str(step.rate)) for step in prices.steps],
        terms=list(prices.terms),
    )
    return PriceSetRow(
        digest=prices.digest,
        provider=prices.provider,
        model=prices.model,
        service_tier=prices.service_tier,
        above_input_tokens=prices.above_input_tokens,
        currency=prices.currency,
        origin=prices.origin,
        rates=_to_json(prices.rates).decode(),
        rule=prices.rule,
        workings=None if details == _PriceSetDetails() else _to_json(details).decode(),
    )


def price_set_of(row: Mapping[Any, Any]) -> PriceSet:
    """The price set stored in a row of `price_set`."""
    details = _decode_details(row["workings"]) if row["workings"] else _PriceSetDetails()
    return PriceSet(
        row["provider"],
        row["model"],
        row["service_tier"],
        row["above_input_tokens"],
        row["currency"],
        row["origin"],
        {
            meter: rate(text, details.rows.get(meter, ""))
            for meter, text in _decode_rates(row["rates"]).items()
        },
        rule=row["rule"] or "snapshot",
        steps=tuple(Step(meter, above, rate(text)) for meter, above, text in details.steps),
        terms=tuple(details.terms),
    )


def rate(text: str, row: str = "") -> Rate:
    """A rate from its text, such as `2.5 per 1000000, at least 10000`."""
    price, _, per = text.partition(" per ")
    per, _, least = per.partition(", at least ")
    return Rate(Decimal(price), int(per), int(least or 0), row)
