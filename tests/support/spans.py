"""Spans in few words, and a trace request of them in either encoding of OTLP."""

import base64
import json
import math
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE = "5b8efff798038103d269b633813fc60c"
START = 1_790_000_000_000_000_000
"""Nanoseconds: when calls of the tests start."""

SCOPE = "of the tests"

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
}


def value(held: Any) -> dict[str, Any]:
    """An attribute's value in OTLP's JSON."""
    if isinstance(held, bool):
        return {"boolValue": held}
    if isinstance(held, int):
        return {"intValue": str(held)}
    if isinstance(held, float):
        return {"doubleValue": held if math.isfinite(held) else _NOT_FINITE[str(held)]}
    if isinstance(held, list):
        return {"arrayValue": {"values": [value(one) for one in held]}}
    return {"stringValue": held}


def attributes(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": value(one)} for name, one in held.items() if one is not None]


def span(number: int, parent: int | None = None, *, failed: bool = False, **fields: Any) -> dict[str, Any]:
    """A chat; `with_` gives or, with None, takes away attributes, `scope` names its instrumentation."""
    held = CHAT | fields.pop("with_", {})
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": "" if parent is None else f"{parent:016x}",
        "name": "a span",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 2_000_000_000),
        "attributes": attributes(held),
        "status": {"code": 2} if failed else {},
    } | fields


def request(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    scopes: dict[str, list[dict[str, Any]]] = {}
    for one in spans:
        sent = {name: held for name, held in one.items() if name != "scope"}
        scopes.setdefault(one.get("scope", SCOPE), []).append(sent)
    made = [{"scope": {"name": name}, "spans": held} for name, held in scopes.items()]
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource or {})}, "scopeSpans": made}]}


def as_json(page: dict[str, Any]) -> bytes:
    return json.dumps(page).encode()


def as_protobuf(page: dict[str, Any]) -> bytes:
    """The same request in protobuf, by the library's own reading of JSON, which wants ids in base64."""
    message = ExportTraceServiceRequest()
    json_format.ParseDict(_with_base64(page), message, ignore_unknown_fields=True)
    encoded: bytes = message.SerializeToString()
    return encoded


def _with_base64(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_base64(one) for one in node]
    if not isinstance(node, dict):
        return node
    ids = ("traceId", "spanId", "parentSpanId")
    return {
        name: base64.b64encode(bytes.fromhex(one)).decode() if name in ids else _with_base64(one)
        for name, one in node.items()
    }
