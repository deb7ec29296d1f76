"""LiteLLM's table `LiteLLM_SpendLogs`: rows of an export, the database or GET /spend/logs, and pages of rows.

A row is converted to the payload that it was made from. In an export every field is text, and unknown
values are empty; `metadata` is JSON, as an object or as text. Times are UTC, also without a zone.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field
from msgspec.structs import replace

from ingest.formats.completion.body import NULL
from ingest.formats.completion.usage import Count
from ingest.formats.format import Fields, Format
from ingest.formats.json.column import JsonColumn
from ingest.formats.json.timestamps import parse_timestamp
from ingest.formats.litellm import payload_event
from ingest.formats.litellm.payload import Metadata, Payload
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused


class SpendLogRow(Struct, gc=False):
    """The columns that are kept. `messages`, `response` and `proxy_server_request` are content."""

    request_id: str
    started: float | str = field(name="startTime")
    call_type: str | None = None
    api_key: str | None = None
    spend: Decimal | None = None
    total_tokens: Count | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    ended: float | str | None = field(name="endTime", default=None)
    first_token: float | str | None = field(name="completionStartTime", default=None)
    model: str | None = None
    model_id: str | None = None
    model_group: str | None = None
    custom_llm_provider: str | None = None
    user: str | None = None
    metadata: Raw = NULL
    cache_hit: str | bool | None = None
    cache_key: str | None = None
    request_tags: Raw = NULL
    team_id: str | None = None
    organization_id: str | None = None
    end_user: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    status: str | None = None
    litellm_call_id: str | None = None
    updated_at: float | str | None = None


METADATA: Final = JsonColumn[Metadata]("metadata", Metadata)
REQUEST_TAGS: Final = JsonColumn[list[object]]("request_tags", list[object])

_decode = msgspec.json.Decoder(SpendLogRow).decode
_decode_text = msgspec.json.Decoder(SpendLogRow, strict=False).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode_fields = msgspec.json.Encoder().encode
_decode_rows = msgspec.json.Decoder(list[Raw]).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the columns of a row."""
    return "request_id" in fields and "startTime" in fields and "spend" in fields


def recognises_page(fields: Fields) -> bool:
    """Whether this is a response of GET /spend/logs/v2."""
    return "total_pages" in fields and "data" in fields and bytes(fields["data"])[:1] == b"["


def read(raw: bytes) -> UsageEvent:
    """The event of one row.

    Raises:
        Refused: its metadata is not JSON, or for a reason of `litellm.to_event`.
    """
    row = _decode_row(raw)
    event = payload_event.to_event(_payload(row), cost_at="spend")
    return replace(event, source_updated_at=_updated_at(row))


def _decode_row(raw: bytes) -> SpendLogRow:
    """The decoded row. A row of text fields needs a second attempt; most rows do not."""
    try:
        return _decode(raw)
    except msgspec.ValidationError:
        fields = {name: value for name, value in _decode_fields(raw).items() if bytes(value) != b'""'}
        return _decode_text(_encode_fields(fields))


def _payload(row: SpendLogRow) -> Payload:
    """The row as the payload that it was made from. Columns come before their copies in the metadata."""
    metadata = METADATA.read(row.metadata) or Metadata()
    return Payload(
        call_type=row.call_type,
        started=row.started,
        id=row.request_id,
        litellm_call_id=row.litellm_call_id,
        trace_id=row.session_id,
        ended=row.ended,
        first_token=row.first_token,
        status=row.status,
        response_cost=row.spend,
        cost_breakdown=metadata.cost_breakdown,
        custom_llm_provider=row.custom_llm_provider,
        model=row.model,
        model_group=row.model_group,
        model_id=row.model_id,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
        cache_hit=row.cache_hit,
        cache_key=row.cache_key,
        metadata=replace(metadata, **_owners(row)),
        request_tags=REQUEST_TAGS.read(row.request_tags),
        end_user=row.end_user,
    )


def _owners(row: SpendLogRow) -> dict[str, Any]:
    """The owners of the call and its agent, under the names of the payload's metadata."""
    owners = {
        "user_api_key_hash": row.api_key,
        "user_api_key_team_id": row.team_id,
        "user_api_key_org_id": row.organization_id,
        "user_api_key_user_id": row.user,
        "agent_id": row.agent_id,
    }
    return {name: value for name, value in owners.items() if value}


def _updated_at(row: SpendLogRow) -> int | None:
    updated_at = row.updated_at
    return (
        None
        if updated_at is None or updated_at == ""
        else parse_timestamp(updated_at, "updated_at", naive_is_utc=True)
    )


def _read_page(_raw: bytes) -> UsageEvent:
    raise Refused("page", "this is a page of many rows, not one record: send it as a whole body or file")


def _unpack(fields: Fields) -> Sequence[Raw]:
    return _decode_rows(fields["data"])


FORMAT: Final = Format(
    name="litellm-spend-log",
    title="a row of LiteLLM's table LiteLLM_SpendLogs, from its API, its database or an export",
    recognises=recognises,
    read=read,
)
PAGE: Final = Format(
    name="litellm-spend-logs",
    title="a page of LiteLLM's spend logs, as GET /spend/logs/v2 answers",
    recognises=recognises_page,
    read=_read_page,
    unpack=_unpack,
)
