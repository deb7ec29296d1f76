"""Metrics: the counters and gauges of the server, in Prometheus' text format.

A scrape asks nothing of the ledger: what stands in it was counted on the way, or looked up by the probe in
the background. No label takes more than a bounded number of values. With several workers the counters of all
of them are added up (`prometheus_client.multiprocess`); each app without workers has a registry of its own.
"""

import os
from collections.abc import Iterator
from typing import Final, Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest import __version__, timing
from ingest.clock import now
from ingest.http.readiness import Readiness
from ingest.ledger import schema
from ingest.model.receipt import Receipt
from ingest.model.tally import LAG_SECONDS, MAX_NAMES, Lags

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a label was first seen says nothing

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder where the workers of a server keep their counters."""
_OUTCOMES: Final = ("accepted", "duplicates", "revised", "rejected")
_OTHER: Final = "other"
_LONGEST: Final = 80
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WORK: Final = {
    "commit": "Write transactions, from the wait for the lock to the commit.",
    "question": "Questions about usage, from the API and the pages.",
    "rollup": "The rollups of a day that had changed.",
}
_MICROSECONDS: Final = 1_000_000


class Names:
    """The values of a label: the first that come, and `other` for all further and for long ones."""

    def __init__(self, most: int = MAX_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """The value that stands for a name."""
        if name in self._known:
            return name
        if len(self._known) >= self._most or len(name) > _LONGEST or not name.isprintable():
            return _OTHER
        self._known.add(name)
        return name


class _LagHistogram(Histogram):
    """A histogram that takes in many observations at once."""

    def add(self, lags: Lags) -> None:
        """Add lags that are counted in classes."""
        for bucket, count in zip(self._buckets, lags.counts, strict=True):
            bucket.inc(count)
        self._sum.inc(lags.microseconds / _MICROSECONDS)


class Metrics:
    """The counters of one server process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._gauges: list[Collector] = []
        self._sources, self._codes = Names(), Names()
        self._records = Counter(
            "tallybook_records", "Records taken in over HTTP.", ["outcome"], registry=registry
        )
        self._by_source = Counter(
            "tallybook_source_records", "The same by source.", ["source", "outcome"], registry=registry
        )
        self._rejections = Counter(
            "tallybook_rejections", "Records rejected over HTTP.", ["code"], registry=registry
        )
        self._unpriced = Counter(
            "tallybook_unpriced_records", "Accepted records without a price.", registry=registry
        )
        self._lags = _LagHistogram(
            "tallybook_arrival_lag_seconds",
            "How long after they were made calls arrived.",
            buckets=LAG_SECONDS,
            registry=registry,
        )
        self._requests = Counter(
            "tallybook_requests", "HTTP requests answered.", ["method", "status"], registry=registry
        )
        self._spans = Counter(
            "tallybook_passed_over_spans",
            "Spans of traces that are no calls of a model.",
            ["what"],
            registry=registry,
        )
        for work in timing.WORK:
            made = Histogram(f"tallybook_{work}_seconds", _WORK[work], buckets=_SECONDS, registry=registry)
            timing.listen(work, made.observe)
        for outcome in _OUTCOMES:
            self._records.labels(outcome)
        self._spans.labels(_OTHER)

    def show(self, gauges: Collector) -> None:
        """Show these gauges too."""
        self._gauges.append(gauges)

    def count(self, receipt: Receipt) -> None:
        """Count the records of a request by their outcome."""
        for outcome in _OUTCOMES:
            self._records.labels(outcome).inc(getattr(receipt, outcome))
        for (source, outcome), count in receipt.by_source.items():
            self._by_source.labels(self._sources.label(source), outcome).inc(count)
        for code, count in receipt.by_code.items():
            self._rejections.labels(self._codes.label(code)).inc(count)
        self._unpriced.inc(receipt.unpriced)
        self._lags.add(receipt.lags)

    def passed_over(self, others: int) -> None:
        """Count the spans of a trace request that are no records."""
        self._spans.labels(_OTHER).inc(others)

    def answered(self, method: str, status: int) -> None:
        """Count an answer. Unknown methods are counted together."""
        self._requests.labels(method if method in _METHODS else _OTHER, str(status)).inc()

    def text(self) -> bytes:
        """All counters and gauges, for a scrape."""
        shown = CollectorRegistry()
        if SHARED_FOLDER in os.environ:
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        else:
            shown.register(self._registry)
        for gauges in self._gauges:
            shown.register(gauges)
        return generate_latest(shown)


class ReceiverFigures(Protocol):
    """What a receiver is doing at a moment (`ingest.http.receiver.ReceiverState`)."""

    @property
    def waiting(self) -> int:
        """Bodies that wait for a turn."""

    @property
    def bodies(self) -> int:
        """Bodies underway."""

    @property
    def bytes_held(self) -> int:
        """What they hold in memory."""


class HasState(Protocol):
    """A receiver."""

    @property
    def state(self) -> ReceiverFigures:
        """What it is doing now."""


class Gauges(Collector):
    """What is so at the moment of a scrape: the receiver's bodies, and the ledger's sizes and ages."""

    def __init__(self, readiness: Readiness, receiver: HasState, database: str) -> None:
        """`database` is the kind of the database, such as sqlite."""
        self._readiness = readiness
        self._receiver = receiver
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Each gauge that is known now."""
        for name, text, value in self._values():
            if value is not None:
                yield GaugeMetricFamily(f"tallybook_{name}", text, value=value)
        build = GaugeMetricFamily(
            "tallybook_build_info", "This program.", labels=["version", "schema", "database"]
        )
        build.add_metric([__version__, schema.revisions()[-1], self._database], 1)
        yield build

    def _values(self) -> Iterator[tuple[str, str, float | None]]:
        state, figures = self._receiver.state, self._readiness.figures
        yield "ready", "Whether records can be taken in: 1 or 0.", float(self._readiness.outage is None)
        yield "bodies_waiting", "Request bodies that wait for a turn.", state.waiting
        yield "bodies_underway", "Request bodies that have begun and not ended.", state.bodies
        yield "body_bytes_held", "What request bodies hold in memory.", state.bytes_held
        if figures is None:
            return
        newest, backup = _age(figures.newest_event_at), _age(figures.last_backup_at)
        yield "newest_event_age_seconds", "How long ago the newest call was made.", newest
        yield "backup_age_seconds", "How long ago the last backup was made.", backup
        yield "rollup_backlog_slots", "Slots that wait for their rollups.", figures.dirty_slots
        yield "database_bytes", "The size of the database.", figures.database_bytes
        yield "wal_bytes", "The size of the write-ahead log of an embedded ledger.", figures.log_bytes
        yield "disk_free_bytes", "What is free on the disk of an embedded ledger.", figures.free_bytes


def _age(at: int | None) -> float | None:
    return None if at is None else (now() - at) / _MICROSECONDS


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
