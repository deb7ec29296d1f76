"""Unpriced calls by model: how many, since when and why. Nothing else says why a sum leaves calls out."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dashboard.prices import store as prices_store
from dashboard.query.question import SpendQuery
from dashboard.query.serialize import write_csv
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import Ledger

UNPRICED: Final = "unpriced"
COLUMNS: Final = ("provider", "model", "reason", "requests", "tokens", "first_seen", "last_seen")


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
    found = [UnpricedModel(*row) for row in prices_store.unpriced_calls(ledger, query.period, query.filters)]
    return sorted(found, key=lambda one: (-one.requests, one))


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
