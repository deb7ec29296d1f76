"""The tables of calls, as SQLAlchemy Core: the contract between writers and readers.

Repeated text (providers, models, statuses ...) is stored once in `term`, keys, teams and customers once in
`directory`; events and rollups refer to them by integers. `usage_event` has a column for every field of
`ingest.model.event.UsageEvent` and `ingest.pricing.charge.Charge`: directly (`FACTS`), as an id of `term`
(`TERMS`), or through `attribution` (`WHO`).
"""

from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.fields import FACTS, TERMS
from ingest.ledger.types import EventId, Instant, Money
from ingest.model import money
from ingest.pricing import charge

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite assigns numbers only to an INTEGER PRIMARY KEY; other databases need 64 bits.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ledger_property = sa.Table(
    "ledger_property",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    comment="What is true of this ledger as a whole: its reporting zone, the version of its secret.",
)

term = sa.Table(
    "term",
    metadata,
    sa.Column("term_id", Serial, primary_key=True),
    sa.Column("text", sa.Text, nullable=False, unique=True),
    comment="Repeated text, held once.",
)

directory = sa.Table(
    "directory",
    metadata,
    sa.Column("entry_id", Serial, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ident", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("given_name", sa.Text),
    sa.Column("hint", sa.Text),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.UniqueConstraint("kind", "ident"),
    comment="Virtual keys, teams, customers and business units. `name` is the gateway's word, `given_name` "
    "a person's and stands before it; a secret key is known by its keyed hash (`ident`) and a `hint`.",
)

directory_alias = sa.Table(
    "directory_alias",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("ident", sa.Text, primary_key=True),
    sa.Column("entry_id", sa.BigInteger, nullable=False),
    comment="Other idents of a directory entry: a key that a gateway knows by an id is met by its hash as well.",
)

attribution = sa.Table(
    "attribution",
    metadata,
    sa.Column("attribution_id", Serial, primary_key=True),
    sa.Column("digest", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("virtual_key_id", sa.BigInteger),
    sa.Column("team_id", sa.BigInteger),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("business_unit_id", sa.BigInteger),
    sa.Column("project_id", sa.BigInteger),
    sa.Column("environment_id", sa.BigInteger),
    sa.Column("application_id", sa.BigInteger),
    comment="Who a call belongs to as the gateway said it: a combination that many calls share.",
)

price_set = sa.Table(
    "price_set",
    metadata,
    sa.Column("price_set_id", Serial, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("service_tier", sa.Text, nullable=False),
    sa.Column("above_input_tokens", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("rates", sa.Text, nullable=False),
    sa.Column("rule", sa.Text),
    sa.Column("workings", sa.Text),
    comment="The prices an event was computed with. `rates` is JSON: meter to unit price as decimal text.",
)

import_batch = sa.Table(
    "import_batch",
    metadata,
    sa.Column("batch_id", Serial, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("path", sa.Text),
    sa.Column("fingerprint", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("records", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("accepted", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("duplicates", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("revised", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("rejected", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unpriced", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("keyless", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("flagged", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("committed_records", sa.BigInteger, nullable=False, server_default="0"),
    comment="One file of an import, and how far of it is committed.",
)

rejected_record = sa.Table(
    "rejected_record",
    metadata,
    sa.Column("rejected_id", Serial, primary_key=True),
    sa.Column("digest", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("path", sa.Text),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("field", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("record", sa.Text),
    sa.Column("rejected_at", Instant, nullable=False),
    sa.Column("times", sa.BigInteger, nullable=False, server_default="1"),
    comment="Records that could not become events, their content stripped, for `tallybook rejected`.",
)

sync_cursor = sa.Table(
    "sync_cursor",
    metadata,
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("newest_at", Instant),
    sa.Column("moved_at", Instant, nullable=False),
    comment="How far a table of a gateway's own store has been read. `store` holds no user and no password.",
)

sync_waiting = sa.Table(
    "sync_waiting",
    metadata,
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("row_key", sa.Text, primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
    comment="Rows of a gateway's own store whose call had not ended when they were last read.",
)

receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("key_hash", sa.LargeBinary(16), primary_key=True),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    comment="The receipt of a request with an Idempotency-Key, to be given again.",
)

_TEXTS = frozenset(
    (
        "source_event_id",
        "parent_id",
        "trace_id",
        "system_fingerprint",
        "user",
        "end_user",
        "labels",
        "cache_id",
        "cache_similarity",
        "cache_threshold",
        "session",
    )
)
_FLAGS = frozenset(("stream", "cache_hit"))
_INSTANTS = frozenset(("occurred_at", "source_updated_at"))
_REQUIRED = frozenset(
    (
        "source",
        "source_event_id",
        "occurred_at",
        "request_type",
        "provider",
        "model",
        "status",
        "currency",
        "cost_source",
    )
)


def _fact(field: str) -> sa.Column[Any]:
    kind: sa.types.TypeEngine[Any] = sa.BigInteger()
    if field in _TEXTS:
        kind = sa.Text()
    elif field in _FLAGS:
        kind = sa.Boolean()
    elif field in _INSTANTS:
        kind = Instant()
    elif field in charge.MONEY:
        kind = Money()
    return sa.Column(field, kind, nullable=field not in _REQUIRED)


def _event_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("event_id", EventId, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("version_rank", sa.LargeBinary(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("batch_id", sa.BigInteger),
        sa.Column("attribution_id", sa.BigInteger, nullable=False),
        sa.Column("price_set_id", sa.BigInteger),
        *(sa.Column(f"{field}_id", sa.BigInteger, nullable=field not in _REQUIRED) for field in TERMS),
        *(_fact(field) for field in FACTS),
    ]


usage_event = sa.Table(
    "usage_event",
    metadata,
    sa.Column("seq", Serial, primary_key=True),
    *_event_columns(),
    sa.UniqueConstraint("event_id"),
    sa.Index(None, "occurred_at", "seq"),
    comment="One row per model call: the version that stands.",
    sqlite_autoincrement=True,
)

usage_event_revision = sa.Table(
    "usage_event_revision",
    metadata,
    sa.Column("revision_id", Serial, primary_key=True),
    sa.Column("seq", sa.BigInteger),
    *_event_columns(),
    sa.Column("superseded_at", Instant, nullable=False),
    sa.Index(None, "event_id"),
    comment="Versions of events that stood before a better truth replaced them, or that came too late to stand.",
)

call_span = sa.Table(
    "call_span",
    metadata,
    sa.Column("event_id", EventId, primary_key=True),
    sa.Column("call_id", EventId, nullable=False),
    sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
    sa.Column("source_id", sa.BigInteger, nullable=False),
    sa.Column("trace_id", sa.Text, nullable=False),
    sa.Column("span_id", sa.Text, nullable=False),
    sa.Column("parent_span_id", sa.Text),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("response_id", sa.Text),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("earliest_at", Instant, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("model_requested", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("completeness", sa.BigInteger, nullable=False),
    sa.Column("sent_with", sa.Text),
    sa.Index(None, "trace_id", "ended_at"),
    comment="What tells the calls of spans apart. `call_id` is the event that stands for the call: the span's "
    "own, or that of a more complete span of the same call.",
)

dirty_slot = sa.Table(
    "dirty_slot",
    metadata,
    sa.Column("slot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("slot_end", sa.BigInteger, nullable=False),
    sa.Column("hour", sa.BigInteger, nullable=False),
    sa.Column("day", sa.Integer, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    comment="Slots whose rollups are not to be believed until they are made again.",
)

SHARED_DIMENSIONS: Final = (
    "currency_id",
    "source_id",
    "provider_id",
    "model_id",
    "model_requested_id",
    "request_type_id",
    "status_id",
    "service_tier_id",
    "cache_hit",
    "cost_source_id",
)
DIMENSIONS: Final = (*SHARED_DIMENSIONS, "price_set_id", "attribution_id")
"""The dimensions of a rollup, besides time; the list is closed."""

KEY_DIMENSIONS: Final = (
    "currency_id",
    "source_id",
    "status_id",
    "cache_hit",
    "cost_source_id",
    "attribution_id",
)
"""The dimensions of the rollup for questions about owners and keys only."""

SLOT_TIME: Final = ("slot", "hour", "day", "month")
DAY_TIME: Final = ("day", "month")
"""The time of a rollup row, in the reporting zone (`ingest.model.zone`)."""

COUNTS: Final = (
    "input_tokens",
    "input_text_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "output_text_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
    "total_tokens",
    "search_queries",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "pages",
    "search_units",
    "replayed_input_tokens",
    "replayed_output_tokens",
    "latency_us",
)
"""Columns of an event that a rollup sums unchanged."""

LATENCY_HISTOGRAMS: Final = {"latency_histogram": "latency_us", "ttft_histogram": "time_to_first_token_us"}
"""Histogram columns of a rollup, and the column of the event that each is made from."""

MEASURES: Final = (
    *("requests", "flagged_requests", *COUNTS, "timed_requests", "timed_output_tokens"),
    *charge.MONEY,
)
"""The additive numbers of a rollup row. `timed_*` count only calls whose latency is known."""


_LATER: Final = {"flagged_requests": "0"}
"""Defaults of measures that came with a later migration."""


def _rollup(name: str, time: tuple[str, ...], dimensions: tuple[str, ...], comment: str) -> sa.Table:
    kinds: dict[str, sa.types.TypeEngine[Any]] = {
        "cache_hit": sa.Boolean(),
        "slot": sa.BigInteger(),
        "hour": sa.BigInteger(),
    }
    return sa.Table(
        name,
        metadata,
        *(sa.Column(c, kinds.get(c, sa.Integer()), nullable=False) for c in time),
        *(sa.Column(c, kinds.get(c, sa.BigInteger())) for c in dimensions),
        *(sa.Column(c, sa.BigInteger, nullable=False, server_default=_LATER.get(c)) for c in MEASURES),
        *(sa.Column(c, sa.Text) for c in LATENCY_HISTOGRAMS),
        sa.Index(None, time[0]),
        comment=comment,
    )


rollup_slot = _rollup("rollup_slot", SLOT_TIME, DIMENSIONS, "Sums by slot (an hour, or less) of clean slots.")
rollup_day = _rollup("rollup_day", DAY_TIME, DIMENSIONS, "Sums by day of the reporting zone.")
rollup_day_model = _rollup(
    "rollup_day_model",
    DAY_TIME,
    SHARED_DIMENSIONS,
    "Sums by day, over everybody: for questions without a who.",
)
rollup_day_key = _rollup(
    "rollup_day_key", DAY_TIME, KEY_DIMENSIONS, "Sums by day, over all models: for questions about who alone."
)

DAY_ROLLUPS: Final = (
    (rollup_day_model, SHARED_DIMENSIONS),
    (rollup_day_key, KEY_DIMENSIONS),
    (rollup_day, DIMENSIONS),
)
"""The day rollups with their dimensions, the smallest first; the last can answer every question."""

LARGEST_CELL: Final = money.LARGEST
