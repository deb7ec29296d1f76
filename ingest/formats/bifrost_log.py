"""The gateway's log: a row of GET /api/logs or of its table, and the page of rows that the API answers.

A row is a completion response with attribution beside it, so it is read as one: the two spell object types, JSON
columns and times differently. Content columns are not declared and so never read. A row's cost is the real cost of
the call, the cache lookup included; usage and cost inside `token_usage` are replayed on a cache hit.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from ingest.event import ReportedCost, Status, UsageEvent
from ingest.formats import completion, family, fault
from ingest.formats.bifrost_row import (
    BUSINESS_UNIT_IDS,
    CACHE_DEBUG,
    COST_BREAKDOWN,
    CUSTOMER_IDS,
    ERROR_DETAILS,
    METADATA,
    TEAM_IDS,
    TOKEN_USAGE,
    Row,
)
from ingest.formats.body import Body, ExtraFields, Fault
from ingest.formats.cost import pico, reported
from ingest.formats.envelope import Label, labelled
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.usage import InputDetails, Usage
from ingest.refusal import Refused

SOURCE: Final = "bifrost-log"

_STATUSES: Final[dict[str, Status]] = {
    "success": "success",
    "error": "error",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
_LIFTED: Final = ("environment", "project", "application", "end_user")

_decode = msgspec.json.Decoder(Row).decode
_rows = msgspec.json.Decoder(list[Raw]).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the columns of a log row."""
    if not ("timestamp" in fields and "id" in fields and "status" in fields):
        return False
    if "extra_fields" in fields or "choices" in fields:
        return False
    return "object_type" in fields or "token_usage" in fields or ("provider" in fields and "model" in fields)


def recognises_page(fields: Fields) -> bool:
    """Whether this is an answer of GET /api/logs."""
    return "logs" in fields and bytes(fields["logs"])[:1] == b"["


def read(raw: bytes) -> UsageEvent:
    """One row.

    Raises:
        Refused: its call has not ended, or its status is none that is known.
    """
    row = _decode(raw)
    status = status_of(row.status)
    usage = TOKEN_USAGE.read(row.token_usage)
    event = completion.to_event(_response(row, usage))
    stated = _stated(row, event, status)
    stated["reported"] = _reported(row, usage, hit=bool(event.cache_hit))
    return msgspec.structs.replace(event, **stated)


def status_of(status: str) -> Status:
    """How the call of a row ended.

    Raises:
        Refused: it has not, or the status is none that is known.
    """
    if status == "processing":
        raise Refused(
            "processing", "the call has not ended yet: send this row again when it has", field="status"
        )
    if status not in _STATUSES:
        known = ", ".join(sorted(_STATUSES))
        raise Refused("unknown_status", f"status {fault.shown(status)} is none of {known}", field="status")
    return _STATUSES[status]


def _response(row: Row, usage: Usage | None) -> Body:
    """The row as the response that it is a row of."""
    failure = ERROR_DETAILS.read(row.error_details) or Body()
    billed = failure.extra_fields.billed_usage if failure.extra_fields else None
    return Body(
        model=row.model or None,
        usage=usage or _denormalised(row) or billed,
        error=failure.error if isinstance(failure.error, Fault) else None,
        status_code=failure.status_code,
        extra_fields=ExtraFields(
            request_type=family.request_type(row.object_type or row.object),
            provider=row.provider or None,
            original_model_requested=row.alias or None,
            latency=row.latency,
            upstream_latency=row.upstream_latency,
            cache_debug=CACHE_DEBUG.read(row.cache_debug),
            error_type=failure.extra_fields.error_type if failure.extra_fields else None,
        ),
    )


def _denormalised(row: Row) -> Usage | None:
    """Usage from the columns that repeat it, for rows whose usage is left out. Zeros are their default."""
    if not row.prompt_tokens and not row.completion_tokens and not row.total_tokens:
        return None
    return Usage(
        prompt_tokens=row.prompt_tokens,
        prompt_tokens_details=InputDetails(cached_read_tokens=row.cached_read_tokens),
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
    )


def _stated(row: Row, event: UsageEvent, status: Status) -> dict[str, Any]:
    """What a row says beyond its response, in the event's names."""
    labels = _labels(row)
    lifted = {name: (labels or {}).get(name) for name in _LIFTED}
    return {
        **lifted,
        "source": SOURCE,
        "source_event_id": row.id or None,
        "parent_id": row.parent_request_id or None,
        "attempt": row.fallback_index,
        "source_updated_at": moment_of(row.updated_at, "updated_at"),
        "occurred_at": moment_of(row.timestamp, "timestamp"),
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
        "project": row.project_id or row.project_name or lifted["project"],
        "application": row.app or lifted["application"],
        "labels": labels,
        "retries": row.number_of_retries,
    }


def moment_of(when: float | str | None, field: str) -> int | None:
    """A time of a row, which is UTC where it does not say so; None where the row has none."""
    return None if when is None or when == "" else instant(when, field, naive_is_utc=True)


def _labels(row: Row) -> dict[str, str] | None:
    """The row's dimensions; several owners of one kind become one label, as no single one owns the call."""
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
    return labelled(labels)


def _reported(row: Row, usage: Usage | None, *, hit: bool) -> ReportedCost | None:
    """The row's cost, with the parts of a breakdown that has the same total."""
    total = pico(row.cost, "cost")
    breakdowns = (
        reported(COST_BREAKDOWN.read(row.cost_breakdown), at="cost_breakdown"),
        None
        if hit or usage is None
        else reported(usage.cost, usage.cost_in_usd_ticks, at="token_usage.cost"),
    )
    if total is None:
        return None if hit else breakdowns[1]
    for breakdown in breakdowns:
        if breakdown is not None and breakdown.total == total:
            return breakdown
    return ReportedCost(total=total)


def _read_page(_raw: bytes) -> UsageEvent:
    raise Refused("page", "this is a page of many rows, not one record: send it as a whole body or file")


def _unpack(fields: Fields) -> Sequence[Raw]:
    return _rows(fields["logs"])


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
