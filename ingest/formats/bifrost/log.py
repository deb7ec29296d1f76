"""Bifrost's log: a row of GET /api/logs or of its table, and the page of rows that the API returns.

A row is a completion response with attribution beside it, so it is read as a response; only the object
types, JSON columns and times are written differently. Content columns are not declared, so they are never
decoded. The cost of a row is the real cost of the call, the cache lookup included; the usage and cost
inside `token_usage` are replayed on a cache hit.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.formats.bifrost import job
from ingest.formats.bifrost.row import (
    BUSINESS_UNIT_IDS,
    CACHE_DEBUG,
    COST_BREAKDOWN,
    CUSTOMER_IDS,
    ERROR_DETAILS,
    METADATA,
    TEAM_IDS,
    TOKEN_USAGE,
    LogRow,
)
from ingest.formats.completion import completion
from ingest.formats.completion.body import Body, ErrorObject, ExtraFields
from ingest.formats.completion.cost import pico, reported_cost
from ingest.formats.completion.odd_usage import refuse_unknown_usage, states_no_tokens
from ingest.formats.completion.request_type import canonical_request_type
from ingest.formats.completion.usage import InputDetails, Usage
from ingest.formats.envelope import Label, text_labels
from ingest.formats.format import Fields, Format
from ingest.formats.json import decode_errors
from ingest.formats.json.timestamps import parse_timestamp
from ingest.model.event import ReportedCost, Status, UsageEvent
from ingest.model.rejection import Refused

SOURCE: Final = "bifrost-log"

_STATUSES: Final[dict[str, Status]] = {
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
_FIELDS_FROM_LABELS: Final = (
    *("environment", "project", "application", "end_user"),
    *("session", "agent", "workflow"),
)

_decode = msgspec.json.Decoder(LogRow).decode
_decode_rows = msgspec.json.Decoder(list[Raw]).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the columns of a row."""
    if not ("timestamp" in fields and "id" in fields and "status" in fields):
        return False
    if "extra_fields" in fields or "choices" in fields:
        return False
    return "object_type" in fields or "token_usage" in fields or ("provider" in fields and "model" in fields)


def recognises_page(fields: Fields) -> bool:
    """Whether this is a response of GET /api/logs."""
    return "logs" in fields and bytes(fields["logs"])[:1] == b"["


def read(raw: bytes) -> UsageEvent:
    """The event of one row.

    Raises:
        Refused: the call has not ended, its status is unknown, the row is no call, or its usage is not
            understood.
    """
    row = _decode(raw)
    status = status_of(row.status)
    request_type = canonical_request_type(row.object_type or row.object)
    job.require_call(row, request_type)
    usage = TOKEN_USAGE.read(row.token_usage)
    event = completion.to_event(_as_response(row, usage, request_type))
    if usage is not None and states_no_tokens(event):
        refuse_unknown_usage(TOKEN_USAGE.json(row.token_usage), usage, event, "token_usage")
    fields = _row_fields(row, event, status)
    if request_type == job.BATCH_RESULTS:
        fields |= _settlement_fields(row)
    fields["reported"] = _reported_cost(row, usage, is_hit=bool(event.cache_hit))
    return msgspec.structs.replace(event, **fields)


def status_of(status: str) -> Status:
    """The status of a call by the status of its row.

    Raises:
        Refused: the call has not ended, or the status is unknown.
    """
    if status == "processing":
        raise Refused(
            "processing", "the call has not ended yet: send this row again when it has", field="status"
        )
    if status not in _STATUSES:
        statuses = ", ".join(sorted(_STATUSES))
        raise Refused(
            "unknown_status",
            f"status {decode_errors.safe_repr(status)} is none of {statuses}",
            field="status",
        )
    return _STATUSES[status]


def _settlement_fields(row: LogRow) -> dict[str, Any]:
    """The fields of a row that settles a batch. Rows that repeat its cost have its key, and a lower rank."""
    key = job.settlement_id(row) or row.id or None
    at = row_time(row.updated_at, "updated_at") or row_time(row.timestamp, "timestamp")
    return {
        "source_event_id": key,
        "source_updated_at": at if key == row.id else None,
        "request_type": job.BATCH,
        "service_tier": "batch",
    }


def _as_response(row: LogRow, usage: Usage | None, request_type: str) -> Body:
    """The row as a completion response. The model that the provider says it served is the billed model."""
    asked = row.model or None
    served = row.served_model or row.server_side_fallback_model or asked
    failure = ERROR_DETAILS.read(row.error_details) or Body()
    billed = failure.extra_fields.billed_usage if failure.extra_fields else None
    return Body(
        model=served,
        usage=_with_cost(usage or _usage_from_columns(row) or billed, row.cost),
        error=failure.error if isinstance(failure.error, ErrorObject) else None,
        status_code=failure.status_code,
        extra_fields=ExtraFields(
            request_type=request_type,
            provider=row.provider or None,
            original_model_requested=row.alias or (asked if served != asked else None),
            resolved_model_used=asked if served != asked else None,
            latency=row.latency,
            upstream_latency=row.upstream_latency,
            cache_debug=CACHE_DEBUG.read(row.cache_debug),
            error_type=failure.extra_fields.error_type if failure.extra_fields else None,
        ),
    )


def _with_cost(usage: Usage | None, cost: Decimal | None) -> Usage | None:
    """`usage` with the cost of its row, which makes its whole certain where a part is doubtful."""
    return msgspec.structs.replace(usage, cost=cost) if usage is not None and cost else usage


def _usage_from_columns(row: LogRow) -> Usage | None:
    """Usage from the columns that repeat it, for rows without `token_usage`. The columns default to 0."""
    if not row.prompt_tokens and not row.completion_tokens and not row.total_tokens:
        return None
    return Usage(
        prompt_tokens=row.prompt_tokens,
        prompt_tokens_details=InputDetails(cached_read_tokens=row.cached_read_tokens),
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
    )


def _row_fields(row: LogRow, event: UsageEvent, status: Status) -> dict[str, Any]:
    """The fields of a row that a response does not have, under the names of the event."""
    labels = _labels(row)
    from_labels = {name: (labels or {}).get(name) for name in _FIELDS_FROM_LABELS}
    return {
        **from_labels,
        "source": SOURCE,
        "source_event_id": row.id or None,
        "parent_id": row.parent_request_id or None,
        "attempt": row.fallback_index,
        "source_updated_at": row_time(row.updated_at, "updated_at"),
        "occurred_at": row_time(row.timestamp, "timestamp"),
        "provider_key": row.selected_key_name or row.selected_key_id or None,
        "stream": event.stream if row.stream is None else bool(row.stream),
        "finish_reason": row.stop_reason or None,
        "status": status,
        "virtual_key": row.virtual_key_id or None,
        "virtual_key_name": row.virtual_key_name or None,
        "team": row.team_id or None,
        "team_name": row.team_name or None,
        "customer": row.customer_id or None,
        "customer_name": row.customer_name or None,
        "business_unit": row.business_unit_id or None,
        "business_unit_name": row.business_unit_name or None,
        "user": row.user_id or row.user_name or None,
        "session": row.session_id or _session_of_parent(row) or from_labels["session"],
        "project": row.project_id or row.project_name or from_labels["project"],
        "application": row.app or from_labels["application"],
        "labels": labels,
        "retries": row.number_of_retries,
    }


def _session_of_parent(row: LogRow) -> str | None:
    """The session in versions without `session_id`: the parent of a call, unless it is a call itself."""
    return None if row.fallback_index or job.is_about_job(row) else row.parent_request_id or None


def row_time(value: float | str | None, field: str) -> int | None:
    """A time of a row, taken for UTC where it has no zone; None where the cell is empty."""
    return None if value is None or value == "" else parse_timestamp(value, field, naive_is_utc=True)


def _labels(row: LogRow) -> dict[str, str] | None:
    """The labels of a row. Several owners of one kind become one label: the call has no single owner."""
    labels: dict[str, Label] = {
        name: value
        for name, value in (METADATA.read(row.metadata) or {}).items()
        if isinstance(value, str | int | float | bool)
    }
    for name, members in (
        ("team_ids", TEAM_IDS.read(row.team_ids)),
        ("customer_ids", CUSTOMER_IDS.read(row.customer_ids)),
        ("business_unit_ids", BUSINESS_UNIT_IDS.read(row.business_unit_ids)),
    ):
        if members:
            labels[name] = ",".join(members)
    return text_labels(labels)


def _reported_cost(row: LogRow, usage: Usage | None, *, is_hit: bool) -> ReportedCost | None:
    """The cost of a row, with the parts of a breakdown that has the same total."""
    total = pico(row.cost, "cost")
    breakdowns = (
        reported_cost(COST_BREAKDOWN.read(row.cost_breakdown), at="cost_breakdown"),
        None
        if is_hit or usage is None
        else reported_cost(usage.cost, usage.cost_in_usd_ticks, at="token_usage.cost"),
    )
    if total is None:
        return None if is_hit else breakdowns[1]
    for breakdown in breakdowns:
        if breakdown is not None and breakdown.total == total:
            return breakdown
    return ReportedCost(total=total)


def _read_page(_raw: bytes) -> UsageEvent:
    raise Refused("page", "this is a page of many rows, not one record: send it as a whole body or file")


def _unpack(fields: Fields) -> Sequence[Raw]:
    return _decode_rows(fields["logs"])


FORMAT: Final = Format(
    name="bifrost-log",
    title="a row of Bifrost's log, from its API or its database",
    recognises=recognises,
    read=read,
)
PAGE: Final = Format(
    name="bifrost-logs",
    title="a page of Bifrost's log, as GET /api/logs answers",
    recognises=recognises_page,
    read=_read_page,
    unpack=_unpack,
)
