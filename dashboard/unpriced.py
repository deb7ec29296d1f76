"""Calls without a price: by model and reason, with how much is unknown and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from dashboard import names
from dashboard.answer import write_csv
from dashboard.question import Period
from dashboard.restriction import term_id
from ingest.ledger.engine import Ledger
from ingest.ledger.tables import usage_event
from ingest.ledger.types import instant

COLUMNS: Final = (
    "provider",
    "model",
    "reason",
    "requests",
    "input_tokens",
    "output_tokens",
    "first_seen",
    "last_seen",
)


@dataclass(frozen=True)
class UnpricedModel:
    """Calls of one model that have no price for the same reason."""

    provider: str | None
    model: str | None
    reason: str | None
    requests: int
    input_tokens: int
    output_tokens: int
    first_seen: datetime
    last_seen: datetime

    @property
    def how_to_price(self) -> str | None:
        """The command that sets a price; None where the call names no model."""
        if self.model in (None, "unknown"):
            return None
        return f"tallybook prices set {self.provider} {self.model} input=... output=..."


def unpriced(ledger: Ledger, period: Period) -> list[UnpricedModel]:
    """The models of a period without a price, those with most tokens first."""
    c = usage_event.c
    start, end = period.micros
    at = sa.type_coerce(c.occurred_at, sa.BigInteger)
    keys = (c.provider_id, c.model_id, c.unpriced_reason_id)
    tokens = [sa.func.sum(sa.func.coalesce(column, 0)) for column in (c.input_tokens, c.output_tokens)]
    wanted = (
        sa.select(*keys, sa.func.count(), *tokens, sa.func.min(at), sa.func.max(at))
        .where(at >= start, at < end, c.cost_source_id == term_id("unpriced"))
        .group_by(*keys)
    )
    with ledger.reading() as connection:
        rows = connection.execute(wanted).all()
        texts = names.terms(connection, {one for row in rows for one in row[:3]})
    found = [
        UnpricedModel(
            provider=texts[row[0]],
            model=texts[row[1]],
            reason=texts[row[2]],
            requests=int(row[3]),
            input_tokens=int(row[4]),
            output_tokens=int(row[5]),
            first_seen=instant(row[6]),
            last_seen=instant(row[7]),
        )
        for row in rows
    ]
    return sorted(
        found,
        key=lambda one: (
            -one.input_tokens - one.output_tokens,
            -one.requests,
            str(one.provider),
            str(one.model),
        ),
    )


def as_json(found: Sequence[UnpricedModel]) -> dict[str, Any]:
    """The list as `GET /v1/prices/unpriced` gives it."""
    rows = [
        dict(zip(COLUMNS, _cells(one), strict=True)) | {"how_to_price": one.how_to_price} for one in found
    ]
    return {"unpriced": rows, "requests": sum(one.requests for one in found)}


def as_csv(found: Sequence[UnpricedModel]) -> str:
    """The list as CSV."""
    return write_csv(COLUMNS, map(_cells, found))


def _cells(one: UnpricedModel) -> list[Any]:
    counts = (one.requests, one.input_tokens, one.output_tokens)
    seen = (at.isoformat().replace("+00:00", "Z") for at in (one.first_seen, one.last_seen))
    return [one.provider, one.model, one.reason, *counts, *seen]
