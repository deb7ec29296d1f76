"""Targets: what of an event a column can be mapped to, made from the event's own fields so that none is forgotten."""

from types import UnionType
from typing import Final, Literal, get_args, get_type_hints

from ingest.event import ReportedCost, UsageEvent

Kind = Literal["text", "count", "flag", "status", "time", "duration"]

_ELSEWHERE: Final = {
    "source": "the mapping's own `source`",
    "labels": "the table [labels]",
    "currency": "the table [cost]",
    "reported": "the table [cost]",
    "object": "the wire's own word for a request type",
    "cache_requested_provider": "a gateway's cache alone knows it",
    "cache_requested_model": "a gateway's cache alone knows it",
    "cache_used_provider": "a gateway's cache alone knows it",
    "cache_used_model": "a gateway's cache alone knows it",
}
"""Fields that no column is mapped to, and where they come from."""

_NAMED: Final = {
    "source_event_id": "event_id",
    "source_updated_at": "updated_at",
    "latency_us": "latency",
    "time_to_first_token_us": "time_to_first_token",
    "upstream_latency_us": "upstream_latency",
    "audio_ms": "audio",
    "video_ms": "video",
}
"""Fields that a mapping calls otherwise: their unit is the mapping's to state."""

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
    _NAMED.get(field, field): field for field in UsageEvent.__struct_fields__ if field not in _ELSEWHERE
}
"""The event's field that each target fills."""

_HINTS: Final = get_type_hints(UsageEvent)
KINDS: Final[dict[str, Kind]] = {target: _kind(field, _HINTS[field]) for target, field in FIELDS.items()}
"""What each target takes."""

COSTS: Final = tuple(name for name in ReportedCost.__struct_fields__ if name != "believed_zero")
"""Components of a cost, and their total."""

TOKENS: Final = frozenset(target for target in FIELDS if target.endswith("_tokens"))
CACHE: Final = ("cache_read", "cache_write")
