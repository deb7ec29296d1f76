"""Targets: the fields of an event that a column can be mapped to, derived from the event's own fields."""

from types import UnionType
from typing import Final, Literal, get_args, get_type_hints

from ingest.model.event import ReportedCost, UsageEvent

Kind = Literal["text", "count", "flag", "status", "time", "duration"]

_NOT_MAPPED: Final = {
    "source": "the mapping's own `source`",
    "labels": "the table [labels]",
    "currency": "the table [cost]",
    "reported": "the table [cost]",
    "object": "the wire's own word for a request type",
    "flags": "the ledger's own doubts",
    "former": "what a release before read otherwise",
    "span": "spans alone have it",
    "cache_requested_provider": "a gateway's cache alone knows it",
    "cache_requested_model": "a gateway's cache alone knows it",
    "cache_used_provider": "a gateway's cache alone knows it",
    "cache_used_model": "a gateway's cache alone knows it",
}
"""Fields that no column is mapped to, with the origin of their value."""

_MAPPING_NAMES: Final = {
    "source_event_id": "event_id",
    "source_updated_at": "updated_at",
    "latency_us": "latency",
    "time_to_first_token_us": "time_to_first_token",
    "upstream_latency_us": "upstream_latency",
    "audio_ms": "audio",
    "video_ms": "video",
}
"""Fields with another name in a mapping, which states their unit itself."""

_TIMES: Final = frozenset({"occurred_at", "source_updated_at"})


MICROSECONDS: Final = {
    "latency_us": 1,
    "time_to_first_token_us": 1,
    "upstream_latency_us": 1,
    "audio_ms": 1_000,
    "video_ms": 1_000,
}
"""Microseconds in one unit of a duration's field."""


def _kind(field: str, hint: object) -> Kind:
    if field in _TIMES:
        return "time"
    if field in MICROSECONDS:
        return "duration"
    if field == "status":
        return "status"
    types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return "flag" if bool in types else "count" if int in types else "text"


FIELDS: Final[dict[str, str]] = {
    _MAPPING_NAMES.get(field, field): field
    for field in UsageEvent.__struct_fields__
    if field not in _NOT_MAPPED
}
"""The event's field of each target."""

_HINTS: Final = get_type_hints(UsageEvent)
KINDS: Final[dict[str, Kind]] = {target: _kind(field, _HINTS[field]) for target, field in FIELDS.items()}
"""The kind of value of each target."""

COSTS: Final = tuple(name for name in ReportedCost.__struct_fields__ if name != "believed_zero")
"""The components of a cost, and the total."""

TOKENS: Final = frozenset(target for target in FIELDS if target.endswith("_tokens"))
CACHE: Final = ("cache_read", "cache_write")
WRITES: Final = ("cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens")
"""Cache writes by time to live, the parts of `cache_write_tokens`."""

REPLAYED: Final = {
    name.removeprefix("replayed_"): name
    for name in UsageEvent.__struct_fields__
    if name.startswith("replayed_")
}
"""The field of the replayed usage for each field of a usage that has one."""
_UNITS: Final = ("search_queries", "audio_ms", "video_ms", "characters", "images", "pages", "search_units")
METERS: Final = frozenset(
    name
    for name in (*UsageEvent.__struct_fields__, *_UNITS)
    if name in _UNITS or (name.endswith("_tokens") and name not in REPLAYED.values())
) - {"cache_lookup_tokens"}
"""Everything that a call can use of a model. The look-up of a cache is not the model's."""
