"""LiteLLM's callbacks and log files: one StandardLoggingPayload for each call, alone, in arrays or in lines.

`to_event` reads payloads of every source: rows of the table and records of the oldest callback are
converted to the same payload, so a call that arrives in two ways is one event.

A call is identified by LiteLLM's call id, the id of its response and its start time together. None of them is
sufficient alone: some providers count their ids from 1 or send none, and clients may choose the call id.
"""

import re
from typing import Any, Final

import msgspec

from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.image_params import with_image_params
from ingest.formats.completion.request_type import streamed_request_type
from ingest.formats.completion.usage import NOT_STATED, NOTHING_NEW, Meters
from ingest.formats.envelope import text_labels
from ingest.formats.format import Fields, Format
from ingest.formats.json import decode_errors
from ingest.formats.json.timestamps import parse_timestamp
from ingest.formats.litellm import cost as litellm_cost
from ingest.formats.litellm.call import BACKGROUND, BATCH, MCP_TOOL, CallKind, call_kind, provider_and_model
from ingest.formats.litellm.payload import HiddenParams, Metadata, Payload, Scalar
from ingest.formats.litellm.usage import Usage, meters, with_totals
from ingest.model.event import DIGEST, ReportedCost, Status, UsageEvent
from ingest.model.rejection import Refused

SOURCE: Final = "litellm"

_STATUSES: Final[dict[str, Status]] = {"success": "success", "failure": "error"}
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}
_CLIENT_CLOSED: Final = "499"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ID_SUFFIXES: Final = re.compile(r"(?:_cache_hit[0-9.]*|_batch_cost|_background_cost)+$")
"""Suffixes of the id of a response that LiteLLM logs again. The time in them differs from log to log."""
_TAG: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,39}): ?(?!//)(.+)", re.DOTALL)
_FIELDS_FROM_LABELS: Final = ("environment", "project", "application")

_NO_METADATA: Final = Metadata()
_NO_HIDDEN: Final = HiddenParams()

_decode = msgspec.json.Decoder(Payload).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a payload."""
    if "startTime" not in fields or "call_type" not in fields:
        return False
    return "request_id" not in fields and "modelParameters" not in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one payload."""
    return to_event(_decode(raw))


def to_event(payload: Payload, cost_at: str = "response_cost") -> UsageEvent:
    """The event of a payload. `cost_at` is the field of the cost in its record.

    Raises:
        Refused: the status is unknown, or a time or an amount is invalid.
    """
    metadata = payload.metadata or _NO_METADATA
    hidden = payload.hidden_params or _NO_HIDDEN
    stated = payload.custom_llm_provider or hidden.custom_llm_provider
    provider_name, model = provider_and_model(stated, payload.model, payload.model_group)
    usage = _call_usage(payload, metadata, hidden)
    is_hit = _is_hit(payload)
    call = _call_kind(payload, metadata, usage)
    stated_meters, doubts = _meters(usage, provider_name, model, payload) if call.bills else (NOTHING_NEW, ())
    billed = NOTHING_NEW if is_hit else stated_meters
    status, error_type, error_code = _outcome(payload, metadata)
    started_at = parse_timestamp(payload.started, "startTime", naive_is_utc=True)
    latency = _elapsed(started_at, payload.ended, "endTime")
    first_token = _first_token(payload, started_at, latency)
    stream = payload.stream or first_token is not None
    labels = _labels(payload, metadata)
    from_labels = {name: (labels or {}).get(name) for name in _FIELDS_FROM_LABELS}
    breakdown = payload.cost_breakdown
    event = UsageEvent(
        source=SOURCE,
        source_event_id=_event_key(payload, metadata, hidden, call, started_at, is_hit=is_hit),
        attempt=metadata.attempted_fallbacks,
        trace_id=payload.trace_id or None,
        occurred_at=started_at,
        request_type=streamed_request_type(call.request_type) if stream else call.request_type,
        provider=provider_name,
        model=model,
        model_requested=payload.model_group or None,
        model_deployment=payload.model_id or None,
        service_tier=_service_tier(payload, usage, call),
        region=usage.inference_geo
        or (breakdown and (breakdown.data_residency or breakdown.vertex_location))
        or None,
        stream=stream,
        status=status,
        error_type=error_type,
        error_code=error_code,
        virtual_key=_virtual_key(metadata.user_api_key_hash or metadata.user_api_key),
        virtual_key_name=metadata.user_api_key_alias or None,
        team=metadata.user_api_key_team_id or metadata.team_id or None,
        team_name=metadata.user_api_key_team_alias or metadata.team_alias or None,
        customer=metadata.user_api_key_org_id or None,
        customer_name=metadata.user_api_key_org_alias or None,
        project=metadata.user_api_key_project_alias
        or metadata.user_api_key_project_id
        or from_labels["project"],
        environment=from_labels["environment"],
        application=from_labels["application"],
        user=metadata.user_api_key_user_id or None,
        end_user=payload.end_user or metadata.user_api_key_end_user_id or None,
        labels=labels,
        latency_us=latency,
        time_to_first_token_us=first_token,
        retries=metadata.attempted_retries,
        input_tokens=billed.input_tokens,
        input_text_tokens=billed.input_text_tokens,
        input_audio_tokens=billed.input_audio_tokens,
        input_image_tokens=billed.input_image_tokens,
        cache_read_tokens=billed.cache_read_tokens,
        cache_write_tokens=billed.cache_write_tokens,
        cache_write_5m_tokens=billed.cache_write_5m_tokens,
        cache_write_1h_tokens=billed.cache_write_1h_tokens,
        output_tokens=billed.output_tokens,
        output_text_tokens=billed.output_text_tokens,
        output_audio_tokens=billed.output_audio_tokens,
        output_image_tokens=billed.output_image_tokens,
        reasoning_tokens=billed.reasoning_tokens,
        accepted_prediction_tokens=billed.accepted_prediction_tokens,
        rejected_prediction_tokens=billed.rejected_prediction_tokens,
        total_tokens=billed.total_tokens,
        search_queries=billed.search_queries,
        audio_ms=billed.audio_ms,
        images=usage.output_image_count if billed is stated_meters and call.bills else None,
        reported=_reported_cost(payload, call, stated_meters, cost_at, is_hit=is_hit) if call.bills else None,
        session=payload.session_id or (labels or {}).get("session") or payload.trace_id or None,
        agent=metadata.agent_id or (labels or {}).get("agent"),
        workflow=(labels or {}).get("workflow"),
        flags=doubts or None,
    )
    if event.images and payload.model_parameters is not None:
        event = with_image_params(event, payload.model_parameters.size, payload.model_parameters.quality)
    return _replayed(event, payload, stated_meters) if is_hit else event


def _replayed(event: UsageEvent, payload: Payload, replayed: Meters) -> UsageEvent:
    """`event` as a hit of LiteLLM's cache, which uses no model."""
    return msgspec.structs.replace(
        event,
        cache_hit=True,
        cache_id=payload.cache_key or None,
        replayed_input_tokens=replayed.input_tokens,
        replayed_output_tokens=replayed.output_tokens,
        replayed_cache_read_tokens=replayed.cache_read_tokens,
        replayed_cache_write_tokens=replayed.cache_write_tokens,
        replayed_total_tokens=replayed.total_tokens,
    )


def _meters(usage: Usage, provider_name: str, model: str, payload: Payload) -> tuple[Meters, tuple[str, ...]]:
    """The meters of a usage without parts that cannot be true, and the flags of the call."""
    stated, is_billed = meters(usage, provider_name, model), (payload.response_cost or 0) > 0
    return settle(stated, usage.total_tokens, "total_tokens", billed=is_billed)


def _call_usage(payload: Payload, metadata: Metadata, hidden: HiddenParams) -> Usage:
    """The usage of the call: LiteLLM's usage of the call, else of its response, else the payload's counts."""
    usage = metadata.usage_object or hidden.usage_object or metadata.additional_usage_values
    return with_totals(usage, payload.prompt_tokens, payload.completion_tokens, payload.total_tokens)


def _call_kind(payload: Payload, metadata: Metadata, usage: Usage) -> CallKind:
    """The kind of the call. A read bills where it is the only record of a batch or a background response.

    Versions with `zero_cost_diagnostic` leave out the usage of a read that bills nothing; older versions
    repeat it.
    """
    call_type = payload.call_type or ""
    kind = call_kind(call_type)
    if kind.bills or not (payload.response_cost or usage.total_tokens):
        return kind
    if kind.request_type == "batch_retrieve":
        return BATCH
    if kind.request_type == "responses_retrieve" and (
        metadata.internal_call_origin == "background_response_cost_poll"
        or payload.zero_cost_diagnostic is not msgspec.UNSET
    ):
        return BACKGROUND
    return kind


def _event_key(
    payload: Payload,
    metadata: Metadata,
    hidden: HiddenParams,
    call: CallKind,
    started_at: int,
    *,
    is_hit: bool,
) -> str | None:
    """The key of the call. Its time is in milliseconds, like the rounded times of LiteLLM's table."""
    response_id = _ID_SUFFIXES.sub("", "" if payload.id is None else str(payload.id))
    if response_id and (call is BATCH or call is BACKGROUND):
        return f"{call.request_type}:{response_id}"
    call_id = payload.litellm_call_id or metadata.litellm_call_id or hidden.litellm_call_id or ""
    if not response_id and not call_id:
        return None
    key = f"{response_id}:{call_id}:{(started_at + 500) // 1000}"
    return f"{key}:hit" if is_hit else key


def _is_hit(payload: Payload) -> bool:
    cache_hit = payload.cache_hit
    if isinstance(cache_hit, str):
        cache_hit = _BOOLEANS.get(cache_hit.lower())
    return bool(cache_hit) or (isinstance(payload.id, str) and "_cache_hit" in payload.id)


def _outcome(payload: Payload, metadata: Metadata) -> tuple[Status, str | None, str | None]:
    """The status, and the class and code of the error."""
    status_text = payload.status or metadata.status or "success"
    if status_text not in _STATUSES:
        raise Refused(
            "unknown_status",
            f"status {decode_errors.safe_repr(status_text)} is none of {', '.join(_STATUSES)}",
            "status",
        )
    status = _STATUSES[status_text]
    error = payload.error_information or metadata.error_information
    if status == "success" or error is None:
        return status, None, None
    error_type = error.error_class or None
    error_code = None if error.error_code in {None, "", "None"} else str(error.error_code)
    if error_code == _CLIENT_CLOSED or "cancel" in (error_type or "").lower():
        status = "cancelled"
    return status, error_type, error_code


def _elapsed(started_at: int, end: float | str | None, field: str) -> int | None:
    """Microseconds from the start of the call to `end`; None where the end is before the start."""
    if end is None or end == "":
        return None
    elapsed = parse_timestamp(end, field, naive_is_utc=True) - started_at
    return elapsed if elapsed >= 0 else None


def _first_token(payload: Payload, started_at: int, latency: int | None) -> int | None:
    """The time to the first token. For a call without streaming, LiteLLM states its end instead."""
    first_token = _elapsed(started_at, payload.first_token, "completionStartTime")
    if first_token is None or latency is None or first_token >= latency:
        return first_token if payload.stream else None
    return first_token


def _service_tier(payload: Payload, usage: Usage, call: CallKind) -> str | None:
    if call is BATCH:
        return "batch"
    return (payload.cost_breakdown and payload.cost_breakdown.service_tier) or usage.service_tier or None


def _virtual_key(identifier: str | None) -> str | None:
    """The virtual key by its SHA-256, which matches the key itself, or by LiteLLM's name for it."""
    if not identifier:
        return None
    return f"{DIGEST}{identifier}" if _SHA256.fullmatch(identifier) else identifier


def _reported_cost(
    payload: Payload, call: CallKind, stated_meters: Meters, cost_at: str, *, is_hit: bool
) -> ReportedCost | None:
    """The cost, or None where LiteLLM does not know it.

    LiteLLM also writes 0 for an unknown cost. A 0 is confirmed only in versions with
    `zero_cost_diagnostic`, and only where LiteLLM priced the call.
    """
    cost = payload.response_cost
    is_priced = payload.response_cost_failure_debug_info is None and not isinstance(
        payload.zero_cost_diagnostic, msgspec.Struct
    )
    if cost is None or not (is_priced or is_hit):
        return None
    if call.request_type == MCP_TOOL:
        cost_of_tool = litellm_cost.reported_cost(cost, None, cost_at)
        return ReportedCost(tool=cost_of_tool.total, total=cost_of_tool.total, believed_zero=True)
    reported = litellm_cost.reported_cost(cost, None if is_hit else payload.cost_breakdown, cost_at)
    if reported.total or is_hit:
        return reported
    is_confirmed = (
        payload.zero_cost_diagnostic is None
        and payload.cost_breakdown is not None
        and payload.hidden_params is not None
        and payload.hidden_params.response_cost not in {None, "None", ""}
        and stated_meters != NOT_STATED
    )
    return ReportedCost(total=0, believed_zero=True) if is_confirmed else _unconfirmed_zero(payload)


def _unconfirmed_zero(payload: Payload) -> ReportedCost | None:
    """A cost of 0 that is shown beside the computed cost; None where LiteLLM did not price the call."""
    hidden = payload.hidden_params
    return None if hidden is not None and hidden.response_cost is None else ReportedCost(total=0)


def _labels(payload: Payload, metadata: Metadata) -> dict[str, str] | None:
    """Labels from tags and `spend_logs_metadata`. A tag `key:value` is a label of its own."""
    labels: dict[str, Scalar] = {}
    plain_tags = []
    for tag in payload.request_tags or metadata.tags or ():
        if not isinstance(tag, str):
            continue
        key_value = _TAG.fullmatch(tag)
        if key_value is None:
            plain_tags.append(tag)
        elif key_value[1] not in labels:
            labels[key_value[1]] = key_value[2]
        else:
            labels[key_value[1]] = f"{labels[key_value[1]]},{key_value[2]}"
    if plain_tags:
        labels["tags"] = ",".join(plain_tags)
    if payload.session_id:
        labels["session_id"] = payload.session_id
    if metadata.internal_call_origin:
        labels["internal_call_origin"] = metadata.internal_call_origin
    if metadata.is_silent_experiment:
        labels["is_silent_experiment"] = True
    logged: dict[str, Any] = metadata.spend_logs_metadata or {}
    labels.update({name: value for name, value in logged.items() if isinstance(value, str | int | float)})
    return text_labels(labels)


FORMAT: Final = Format(
    name="litellm",
    title="LiteLLM's StandardLoggingPayload, as its callbacks post it and its log files hold it",
    recognises=recognises,
    read=read,
)
