"""Anthropic iterations: a message whose call included other calls is split into these calls.

A compaction of the context, and the advice of another model, are listed in `usage.iterations` and are not
part of the counts beside it. Their prices may differ, by model or by context length, so each is an event of
its own. Its id is the id of the message with the type and index of the iteration. Iterations that the
counts include are no calls of their own.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ingest.formats.json.lenient import loads
from ingest.model.rejection import Refused

MARK: Final = b'"iterations"'
"""A record without this text has no iterations."""

_SEPARATE_TYPES: Final = frozenset({"compaction", "advisor_message"})
_GATEWAY_FIELDS: Final = frozenset({"extra_fields", "call_type", "response_cost"})
"""Fields of gateways, whose own counts and costs are those of the whole call."""
_WRAPPERS: Final = ("response", "result", "message", "body", "modelOutput")
_INHERITED_FIELDS: Final = ("service_tier", "inference_geo", "speed")
_WHOLE_CALL_FIELDS: Final = frozenset({"latency_ms", "time_to_first_token_ms", "chunk_count"})
"""Fields of an envelope that describe the whole call, not one iteration."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def split(raw: bytes) -> Sequence[bytes] | None:
    """The record of the call and the records of its separate iterations; None where it has none."""
    try:
        record = loads(raw)
    except Refused:
        return None
    message = _message(record)
    iterations = _separate_iterations(message)
    if not iterations:
        return None
    return [
        raw,
        *(
            _encode(_replace_message(record, message, iteration, index))
            for index, iteration in enumerate(iterations)
        ),
    ]


def _message(record: Any) -> dict[str, Any]:
    """The message of a record, also inside an envelope or a batch line; empty where there is none."""
    while isinstance(record, dict) and _GATEWAY_FIELDS.isdisjoint(record):
        if record.get("type") == "message" and isinstance(record.get("usage"), dict):
            return record
        record = next((record[name] for name in _WRAPPERS if isinstance(record.get(name), dict)), None)
    return {}


def _separate_iterations(message: dict[str, Any]) -> list[dict[str, Any]]:
    iterations = message.get("usage", {}).get("iterations")
    if not isinstance(iterations, list):
        return []
    return [
        iteration
        for iteration in iterations
        if isinstance(iteration, dict) and str(iteration.get("type")) in _SEPARATE_TYPES
    ]


def _replace_message(record: Any, message: dict[str, Any], iteration: dict[str, Any], index: int) -> Any:
    """`record` with the iteration in place of the message."""
    if record is message:
        return _as_message(message, iteration, index)
    if not isinstance(record, dict):
        return record
    replaced = {
        name: _replace_message(value, message, iteration, index) if name in _WRAPPERS else value
        for name, value in record.items()
        if name not in _WHOLE_CALL_FIELDS
    }
    if replaced.get("event_id"):
        replaced["event_id"] = f"{replaced['event_id']}:{iteration['type']}:{index}"
    return replaced


def _as_message(message: dict[str, Any], iteration: dict[str, Any], index: int) -> dict[str, Any]:
    usage = {name: value for name, value in iteration.items() if name not in {"type", "model"}}
    usage |= {name: message["usage"][name] for name in _INHERITED_FIELDS if message["usage"].get(name)}
    separate = {"type": "message", "model": iteration.get("model") or message.get("model"), "usage": usage}
    message_id = message.get("id")
    return {"id": f"{message_id}:{iteration['type']}:{index}", **separate} if message_id else separate
