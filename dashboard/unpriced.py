"""Unpriced calls by model: how many, since when and why. Nothing else says why a sum leaves calls out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from dashboard import names
from dashboard.answer import write_csv
from dashboard.question import SpendQuery
from dashboard.restriction import restrictions, term_id
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import Ledger
from ingest.ledger.tables import usage_event

UNPRICED: Final = "unpriced"
COLUMNS: Final = ("provider", "model", "reason", "requests", "tokens", "first_seen", "last_seen")

Texts = Mapping[int | None, str | None]


class UnpricedModel(NamedTuple):
    """Calls of one model that have no price for one reason."""

    provider: str
    model: str
    reason: str
    requests: int
    tokens: int
    first_at: int
    last_at: int
    """When the first and the last of them were (microseconds UTC)."""

    @property
    def how_to_price(self) -> str | None:
        """The command that sets a price; None where the calls name no model."""
        if self.model == "unknown":
            return None
        return f"tallybook prices set {self.provider} {self.model} input=... output=..."


def unpriced(ledger: Ledger, query: SpendQuery) -> list[UnpricedModel]:
    """The unpriced calls of a question's period and filters, by model and reason, the most calls first."""
    held = usage_event.c
    at = sa.type_coerce(held.occurred_at, sa.BigInteger)
    parts = sa.func.coalesce(held.input_tokens, 0) + sa.func.coalesce(held.output_tokens, 0)
    keys = (held.provider_id, held.model_id, held.unpriced_reason_id)
    select = (
        sa.select(
            *keys,
            sa.func.count(),
            sa.func.sum(sa.func.coalesce(held.total_tokens, parts)),
            sa.func.min(at),
            sa.func.max(at),
        )
        .where(
            held.cost_source_id == term_id(UNPRICED),
            held.occurred_at >= query.period.start,
            held.occurred_at < query.period.end,
            *restrictions(query.filters, usage_event, ledger.keyring),
        )
        .group_by(*keys)
    )
    with ledger.reading() as connection:
        rows = connection.execute(select).all()
        texts = names.terms(connection, {one for row in rows for one in row[:3]})
    found = [_model(texts, *row) for row in rows]
    return sorted(found, key=lambda one: (-one.requests, one))


def _model(texts: Texts, provider: int, model: int, reason: int, *figures: int) -> UnpricedModel:
    requests, tokens, first_at, last_at = map(int, figures)
    provider_of, model_of, why = (texts[one] or "unknown" for one in (provider, model, reason))
    return UnpricedModel(provider_of, model_of, why, requests, tokens, first_at, last_at)


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
    return [*one[:5], optional_rfc3339(one.first_at), optional_rfc3339(one.last_at)]
