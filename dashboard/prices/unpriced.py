"""Unpriced calls by model: how many, since when and why; they explain which calls a cost total leaves out."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dashboard.prices import store as prices_store
from dashboard.prices.missing_price import assignments
from dashboard.query.question import SpendQuery
from dashboard.query.serialize import write_csv
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import Ledger

COLUMNS: Final = (
    *("provider", "model", "reason", "requests", "tokens", "first_seen", "last_seen"),
    "partly_priced",
)


class UnpricedModel(NamedTuple):
    """The calls of one model that are unpriced for the same reason."""

    provider: str
    model: str
    reason: str
    requests: int
    tokens: int
    first_at: int
    last_at: int
    """The instants of the first and the last call (microseconds UTC)."""
    partly_priced: bool = False
    """Whether the rest of the usage has a price, and the calls a cost."""

    @property
    def how_to_price(self) -> str | None:
        """The command that sets a price; None if the calls name no model."""
        if self.model == "unknown":
            return None
        return f"tallybook prices set {self.provider} {self.model} {assignments(self.reason)}"


def unpriced_models(ledger: Ledger, query: SpendQuery, *, partly: bool = False) -> list[UnpricedModel]:
    """The unpriced calls of a query's period and filters, by model and reason, the most calls first.

    With `partly`, calls of which only a part has a price are listed too.
    """
    rows = prices_store.unpriced_calls(ledger, query.period, query.filters, partly=partly)
    models = [UnpricedModel(*row) for row in rows]
    return sorted(models, key=lambda model: (-model.requests, model))


def as_json(models: Sequence[UnpricedModel]) -> dict[str, Any]:
    """The list as `GET /v1/prices/unpriced` returns it."""
    rows = [
        dict(zip(COLUMNS, _cells(model), strict=True)) | {"how_to_price": model.how_to_price}
        for model in models
    ]
    partly = sum(model.requests for model in models if model.partly_priced)
    unpriced = sum(model.requests for model in models) - partly
    return {"unpriced": rows, "requests": unpriced, "partly_priced_requests": partly}


def as_csv(models: Sequence[UnpricedModel]) -> str:
    """The list as CSV."""
    return write_csv(COLUMNS, map(_cells, models))


def _cells(model: UnpricedModel) -> list[Any]:
    seen = (optional_rfc3339(model.first_at), optional_rfc3339(model.last_at))
    return [*model[:5], *seen, model.partly_priced]
