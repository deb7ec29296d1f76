"""Metrics: the counters of the server, in Prometheus' text format. Each app has a registry of its own."""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.model.receipt import Receipt

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
_OUTCOMES: Final = ("accepted", "duplicates", "revised", "rejected")
_OTHER: Final = "other"


class Metrics:
    """The counters of one server process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._records = Counter(
            "tallybook_records", "Records taken in over HTTP.", ["outcome"], registry=self._registry
        )
        self._unpriced = Counter(
            "tallybook_unpriced_records", "Accepted records without a price.", registry=self._registry
        )
        self._requests = Counter(
            "tallybook_requests", "HTTP requests answered.", ["method", "status"], registry=self._registry
        )
        self._spans = Counter(
            "tallybook_passed_over_spans",
            "Spans of traces that are no calls of a model.",
            ["what"],
            registry=self._registry,
        )
        for outcome in _OUTCOMES:
            self._records.labels(outcome)
        self._spans.labels(_OTHER)

    def count(self, receipt: Receipt) -> None:
        """Count the records of a request by their outcome."""
        for outcome in _OUTCOMES:
            self._records.labels(outcome).inc(getattr(receipt, outcome))
        self._unpriced.inc(receipt.unpriced)

    def passed_over(self, others: int) -> None:
        """Count the spans of a trace request that are no records."""
        self._spans.labels(_OTHER).inc(others)

    def answered(self, method: str, status: int) -> None:
        """Count an answer. Unknown methods are counted together."""
        known = method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        self._requests.labels(method if known else "other", str(status)).inc()

    def text(self) -> bytes:
        """All counters, for a scrape."""
        return generate_latest(self._registry)


class CountRequests:
    """ASGI middleware that counts requests by the status of their answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered(scope["method"], message["status"])
            await send(message)

        await self._app(scope, receive, counting)
