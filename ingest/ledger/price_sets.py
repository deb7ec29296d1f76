"""Price sets as the ledger keeps them: enough to work a cost out again without the price book."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.ledger.entry import PriceSetRow
from ingest.pricing.rates import PriceSet, Rate, Step
from ingest.pricing.terms import Term

_to_json: Final = msgspec.json.Encoder(order="deterministic").encode


class Workings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What beside its rates a price set is made of: rows of the price book, marginal prices, terms."""

    rows: dict[str, str] = {}
    steps: list[tuple[str, int, str]] = []
    terms: list[Term] = []


_decode_workings: Final = msgspec.json.Decoder(Workings).decode
_decode_rates: Final = msgspec.json.Decoder(dict[str, str]).decode


def row_of(prices: PriceSet) -> PriceSetRow:
    """A price set as a row of `price_set`."""
    workings = Workings(
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
        workings=None if workings == Workings() else _to_json(workings).decode(),
    )


def price_set_of(row: Mapping[Any, Any]) -> PriceSet:
    """The price set that a row of `price_set` holds."""
    workings = _decode_workings(row["workings"]) if row["workings"] else Workings()
    return PriceSet(
        row["provider"],
        row["model"],
        row["service_tier"],
        row["above_input_tokens"],
        row["currency"],
        row["origin"],
        {
            meter: rate(text, workings.rows.get(meter, ""))
            for meter, text in _decode_rates(row["rates"]).items()
        },
        rule=row["rule"] or "snapshot",
        steps=tuple(Step(meter, above, rate(text)) for meter, above, text in workings.steps),
        terms=tuple(workings.terms),
    )


def rate(text: str, row: str = "") -> Rate:
    """A rate from its text, such as `2.5 per 1000000, at least 10000`."""
    price, _, per = text.partition(" per ")
    per, _, least = per.partition(", at least ")
    return Rate(Decimal(price), int(per), int(least or 0), row)
