"""Redaction: a refused record without content and secrets, so that it can be stored and shown.

The allow-list consists of the fields of the structs that the formats decode, so it cannot drift from them.
A field is kept only if a struct has it: a text only where a struct has a text, an object only where a
struct has an object. The attributes of spans have no struct; `otel.names` lists them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

from ingest.formats.bedrock.converse import Converse
from ingest.formats.bedrock.invocation_log import Invocation
from ingest.formats.bifrost.mcp_log import ToolCallRow
from ingest.formats.bifrost.row import LogRow
from ingest.formats.completion.body import Body
from ingest.formats.envelope import Envelope
from ingest.formats.json.lenient import loads
from ingest.formats.litellm.batch_line import BatchLine as BatchLogLine
from ingest.formats.litellm.payload import Payload
from ingest.formats.litellm.spend_log import SpendLogRow
from ingest.formats.litellm.v1 import FlatRecord
from ingest.formats.otel import names as otel_names
from ingest.formats.otel.span import Span
from ingest.formats.providers.batch import AnthropicLine, BedrockLine, OpenaiLine
from ingest.formats.providers.cohere import Response as CohereResponse
from ingest.formats.providers.gemini import CamelResponse
from ingest.formats.providers.gemini import Response as GeminiResponse
from ingest.formats.providers.gemini_interactions import Interaction
from ingest.formats.providers.ollama import Response as OllamaResponse
from ingest.formats.providers.openrouter import Activity, GenerationResponse
from ingest.model.rejection import Refused

LONGEST_TEXT: Final = 200
LONGEST_LIST: Final = 20
LARGEST: Final = 8 * 1024
"""Bytes of JSON that are stored of one record."""

_SECRET: Final = re.compile(r"(sk-|Bearer )[A-Za-z0-9_\-.]+")
_KEYS: Final = frozenset({"virtual_key", "api_key", "user_api_key", "user_api_key_hash"})
"""Fields whose value may be a secret."""
_QUOTING: Final = frozenset({"error"})
"""Text fields that may quote content: an `error` that is only a message."""
_PATHS: Final = frozenset({"url"})
"""Text fields that are kept only as the path of an API: other addresses may be a citation's, thus content."""
_NESTED_OBJECTS: Final = frozenset(
    {
        *("response", "logs", "token_usage", "cache_debug", "error_details", "cost_breakdown"),
        *("attributes", "resource"),
    }
)
"""Objects that the formats decode in a second step, rows of a page, and attributes of a span."""
_LABELS: Final = "labels"
_NUMBER: Final = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?([eE][-+]?[0-9]{1,3})?")
"""A number as text, as in exports of tables."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def redact(raw: bytes) -> str | None:
    """The record without content and secrets, at most 8 KB of JSON; None if it is not a JSON object."""
    try:
        value = loads(raw)
    except Refused:
        return None
    if not isinstance(value, dict):
        return None
    redacted = _redact_object(value)
    while len(text := _encode(redacted)) > LARGEST:
        redacted.popitem()
    return text.decode()


def _structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """The structs of a type: the type itself, the members of a union, the items of a list."""
    if isinstance(kind, inspect.StructType):
        yield kind
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _structs(member)
    elif isinstance(kind, inspect.ListType):
        yield from _structs(kind.item_type)


def _fields(kind: inspect.Type) -> Iterator[inspect.Field]:
    """The fields of a struct and of the structs inside it."""
    for struct in _structs(kind):
        for field in struct.fields:
            yield field
            yield from _fields(field.type)


def _accepts(field: inspect.Field, *kinds: type[inspect.Type]) -> bool:
    types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    return any(isinstance(kind, kinds) for kind in types)


_STRUCTS: Final = (
    *(Body, Envelope, LogRow, ToolCallRow),
    *(OpenaiLine, AnthropicLine, BedrockLine, Converse, Invocation, CohereResponse),
    *(GeminiResponse, CamelResponse, Interaction, OllamaResponse, Activity, GenerationResponse),
    *(Payload, SpendLogRow, FlatRecord, BatchLogLine, Span),
)
_FIELDS: Final = [field for struct in _STRUCTS for field in _fields(inspect.type_info(struct))]
_TEXTS: Final = otel_names.TEXTS | (
    frozenset(field.encode_name for field in _FIELDS if _accepts(field, inspect.StrType)) - _QUOTING
)
_NUMBERS: Final = otel_names.NUMBERS | frozenset(
    field.encode_name
    for field in _FIELDS
    if _accepts(field, inspect.IntType, inspect.FloatType, inspect.DecimalType, inspect.BoolType)
)
_OBJECTS: Final = _NESTED_OBJECTS | {field.encode_name for field in _FIELDS if any(_structs(field.type))}


def _redact_object(record: dict[str, Any]) -> dict[str, Any]:
    redacted: dict[str, Any] = {}
    for name, value in record.items():
        item = _parse_json_text(value) if name in _OBJECTS else value
        if name in _KEYS:
            redacted[name] = None
        elif name == _LABELS and isinstance(item, dict):
            redacted[name] = _redact_labels(item)
        elif _is_allowed(name, item):
            redacted[name] = _redact_value(item)
    return redacted


def _parse_json_text(item: Any) -> Any:
    """The object in a text of JSON, as in a column of a table; any other value unchanged."""
    if not isinstance(item, str) or item[:1] != "{":
        return item
    try:
        return loads(item.encode())
    except Refused:
        return item


def _is_allowed(name: str, item: object) -> bool:
    if isinstance(item, str):
        if name in _PATHS and not item.startswith("/"):
            return False
        return name in _TEXTS or (name in _NUMBERS and _NUMBER.fullmatch(item) is not None)
    if isinstance(item, dict | list):
        return name in _OBJECTS
    return name in _NUMBERS or name in _TEXTS


def _redact_value(item: Any) -> Any:
    if isinstance(item, dict):
        return _redact_object(item)
    if isinstance(item, list):
        return [_redact_object(member) for member in item[:LONGEST_LIST] if isinstance(member, dict)]
    return mask_secrets(item) if isinstance(item, str) else item


def _redact_labels(labels: dict[str, Any]) -> dict[str, Any]:
    shown = list(labels.items())[:LONGEST_LIST]
    return {
        mask_secrets(name): _redact_value(value)
        for name, value in shown
        if not isinstance(value, dict | list)
    }


def mask_secrets(text: str) -> str:
    """A text as it may be stored: shortened, and without secrets."""
    return _SECRET.sub(r"\1...", text)[:LONGEST_TEXT]
