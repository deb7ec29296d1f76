"""Turns: a message of Anthropic's whose call held other calls, as the calls that it was.

A compaction of the context, and the advice of another model, stand in `usage.iterations` and are left out of the
counts beside it. Their prices may be others, by their model or by the length of their context, so each is an event of
its own; its id is that of the message with the kind and the place of the turn. Turns that the counts hold are no
calls of their own.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ingest.formats.mending import loads
from ingest.refusal import Refused

MARK: Final = b'"iterations"'
"""A record without it need not be looked at."""

_APART: Final = frozenset({"compaction", "advisor_message"})
_SETTLED: Final = frozenset({"extra_fields", "call_type", "response_cost"})
"""Marks of gateways, whose own counts and costs are those of the whole call."""
_HOLDERS: Final = ("response", "result", "message", "body", "modelOutput")
_INHERITED: Final = ("service_tier", "inference_geo", "speed")
_OF_THE_WHOLE: Final = frozenset({"latency_ms", "time_to_first_token_ms", "chunk_count"})
"""What an envelope says of the whole call, and not of a turn."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def split(raw: bytes) -> Sequence[bytes] | None:
    """The record of the call and those of its turns, None where it held no other calls."""
    try:
        record = loads(raw)
    except Refused:
        return None
    message = _message(record)
    turns = _turns(message)
    if not turns:
        return None
    return [raw, *(_encode(_replaced(record, message, turn, at)) for at, turn in enumerate(turns))]


def _message(record: Any) -> dict[str, Any]:
    """The message in a record, itself or inside an envelope or a batch's line; nothing where there is none."""
    while isinstance(record, dict) and _SETTLED.isdisjoint(record):
        if record.get("type") == "message" and isinstance(record.get("usage"), dict):
            return record
        record = next((record[name] for name in _HOLDERS if isinstance(record.get(name), dict)), None)
    return {}


def _turns(message: dict[str, Any]) -> list[dict[str, Any]]:
    turns = message.get("usage", {}).get("iterations")
    if not isinstance(turns, list):
        return []
    return [turn for turn in turns if isinstance(turn, dict) and str(turn.get("type")) in _APART]


def _replaced(record: Any, message: dict[str, Any], turn: dict[str, Any], at: int) -> Any:
    """`record` with the turn in the place of the message."""
    if record is message:
        return _as_message(message, turn, at)
    if not isinstance(record, dict):
        return record
    replaced = {
        name: _replaced(value, message, turn, at) if name in _HOLDERS else value
        for name, value in record.items()
        if name not in _OF_THE_WHOLE
    }
    if replaced.get("event_id"):
        replaced["event_id"] = f"{replaced['event_id']}:{turn['type']}:{at}"
    return replaced


def _as_message(message: dict[str, Any], turn: dict[str, Any], at: int) -> dict[str, Any]:
    usage = {name: value for name, value in turn.items() if name not in {"type", "model"}}
    usage |= {name: message["usage"][name] for name in _INHERITED if message["usage"].get(name)}
    kept = {"type": "message", "model": turn.get("model") or message.get("model"), "usage": usage}
    ident = message.get("id")
    return {"id": f"{ident}:{turn['type']}:{at}", **kept} if ident else kept
