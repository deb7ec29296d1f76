"""Stripping: a refused record as it may be shown: known names that hold no content, and nothing else.

The allow-list is made of the fields of the structs that the formats decode, so it cannot drift from them: a name is
kept only if a struct has it, a text only under a name that takes text, an object only under one that takes an object. The
attributes of spans have no struct; they are those that `otel.names` lists.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

from ingest.formats.batch import AnthropicLine, BedrockLine, OpenaiLine
from ingest.formats.bedrock import Converse
from ingest.formats.bedrock_log import Invocation
from ingest.formats.bifrost_mcp_log import Row as ToolCall
from ingest.formats.bifrost_row import Row
from ingest.formats.body import Body
from ingest.formats.cohere import Response as CohereResponse
from ingest.formats.envelope import Envelope
from ingest.formats.gemini import CamelResponse
from ingest.formats.gemini import Response as GeminiResponse
from ingest.formats.litellm_batch_line import Line as BatchLogLine
from ingest.formats.litellm_payload import Payload
from ingest.formats.litellm_spend_log import Row as SpendLog
from ingest.formats.litellm_v1 import Flat
from ingest.formats.mending import loads
from ingest.formats.openrouter import Activity, Wrapped
from ingest.formats.otel import names as otel_names
from ingest.formats.otel.span import Span
from ingest.refusal import Refused

LONGEST_TEXT: Final = 200
LONGEST_LIST: Final = 20
LARGEST: Final = 8 * 1024
"""Bytes of JSON that are kept of one record."""

_SECRET: Final = re.compile(r"(sk-|Bearer )[A-Za-z0-9_\-.]+")
_KEYS: Final = frozenset({"virtual_key", "api_key", "user_api_key", "user_api_key_hash"})
"""Fields whose value is, or may be, a secret."""
_QUOTING: Final = frozenset({"error"})
"""Texts that may quote content: an error that is only a message."""
_HOLDERS: Final = frozenset(
    {
        *("response", "logs", "token_usage", "cache_debug", "error_details", "cost_breakdown"),
        *("attributes", "resource"),
    }
)
"""Objects that the formats decode in a second step, or a page's rows, or a span's attributes."""
_LABELS: Final = "labels"
_NUMBER: Final = re.compile(r"-?[0-9]{1,24}(\.[0-9]{1,24})?([eE][-+]?[0-9]{1,3})?")
"""A number as text, as exports of tables have it."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def strip(raw: bytes) -> str | None:
    """The record without content and secrets, at most 8 KB of JSON; None where it is no JSON object."""
    try:
        value = loads(raw)
    except Refused:
        return None
    if not isinstance(value, dict):
        return None
    kept = _object(value)
    while len(text := _encode(kept)) > LARGEST:
        kept.popitem()
    return text.decode()


def _structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """The structs that a type holds directly: itself, the members of a union, the items of a list."""
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


def _takes(field: inspect.Field, *kinds: type[inspect.Type]) -> bool:
    types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    return any(isinstance(kind, kinds) for kind in types)


_SHAPES: Final = (
    *(Body, Envelope, Row, ToolCall),
    *(OpenaiLine, AnthropicLine, BedrockLine, Converse, Invocation, CohereResponse),
    *(GeminiResponse, CamelResponse, Activity, Wrapped),
    *(Payload, SpendLog, Flat, BatchLogLine, Span),
)
_KNOWN: Final = [field for struct in _SHAPES for field in _fields(inspect.type_info(struct))]
_TEXTS: Final = otel_names.TEXTS | (
    frozenset(field.encode_name for field in _KNOWN if _takes(field, inspect.StrType)) - _QUOTING
)
_NUMBERS: Final = otel_names.NUMBERS | frozenset(
    field.encode_name
    for field in _KNOWN
    if _takes(field, inspect.IntType, inspect.FloatType, inspect.DecimalType, inspect.BoolType)
)
_OBJECTS: Final = _HOLDERS | {field.encode_name for field in _KNOWN if any(_structs(field.type))}


def _object(value: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, found in value.items():
        item = _opened(found) if name in _OBJECTS else found
        if name in _KEYS:
            kept[name] = None
        elif name == _LABELS and isinstance(item, dict):
            kept[name] = _labels(item)
        elif _is_kept(name, item):
            kept[name] = _kept(item)
    return kept


def _opened(item: Any) -> Any:
    """The object that a text of JSON holds, as in a column of a table; anything else as it is."""
    if not isinstance(item, str) or item[:1] != "{":
        return item
    try:
        return loads(item.encode())
    except Refused:
        return item


def _is_kept(name: str, item: object) -> bool:
    if isinstance(item, str):
        return name in _TEXTS or (name in _NUMBERS and _NUMBER.fullmatch(item) is not None)
    if isinstance(item, dict | list):
        return name in _OBJECTS
    return name in _NUMBERS or name in _TEXTS


def _kept(item: Any) -> Any:
    if isinstance(item, dict):
        return _object(item)
    if isinstance(item, list):
        return [_object(one) for one in item[:LONGEST_LIST] if isinstance(one, dict)]
    return masked(item) if isinstance(item, str) else item


def _labels(labels: dict[str, Any]) -> dict[str, Any]:
    shown = list(labels.items())[:LONGEST_LIST]
    return {masked(name): _kept(value) for name, value in shown if not isinstance(value, dict | list)}


def masked(text: str) -> str:
    """A text as it may be kept: short, and without the secret that may stand in it."""
    return _SECRET.sub(r"\1...", text)[:LONGEST_TEXT]
