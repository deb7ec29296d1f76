"""LiteLLM's callbacks and log files: one StandardLoggingPayload a call, alone, in arrays or in lines.

`to_event` is the meaning of a payload, whichever record it was read from: the table's rows and the oldest callbacks
are brought into the same shape, so that one call that comes two ways is one event.

A call is known by LiteLLM's id of it, the id of its response and the time when it began. None of them is enough:
some providers count their ids from 1 or send none, and callers may choose the call id.
"""

import re
from typing import Any, Final

import msgspec

from ingest.event import DIGEST, ReportedCost, Status, UsageEvent
from ingest.formats import family, fault, litellm_cost
from ingest.formats.envelope import labelled
from ingest.formats.format import Fields, Format
from ingest.formats.instant import instant
from ingest.formats.litellm_call import BACKGROUND, BATCH, MCP_TOOL, Kind, kind, served
from ingest.formats.litellm_payload import HiddenParams, Metadata, Payload, Scalar
from ingest.formats.litellm_usage import Usage, complete, meters
from ingest.formats.picture import pictured
from ingest.formats.usage import NOT_STATED, NOTHING_NEW, Meters
from ingest.refusal import Refused

SOURCE: Final = "litellm"

_STATUSES: Final[dict[str, Status]] = {"success": "success", "failure": "error"}
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
_CLIENT_CLOSED: Final = "499"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MADE_UNIQUE: Final = re.compile(r"(?:_cache_hit[0-9.]*|_batch_cost|_background_cost)+$")
"""What LiteLLM appends to the id of a response that is logged again; the time in it differs from log to log."""
_TAG: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,39}): ?(?!//)(.+)", re.DOTALL)
_LIFTED: Final = ("environment", "project", "application")

_NO_METADATA: Final = Metadata()
_NO_HIDDEN: Final = HiddenParams()

_decode = msgspec.json.Decoder(Payload).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a payload."""
    if "startTime" not in fields or "call_type" not in fields:
        return False
    return "request_id" not in fields and "modelParameters" not in fields


def read(raw: bytes) -> UsageEvent:
    """One payload."""
    return to_event(_decode(raw))


def to_event(payload: Payload, cost_at: str = "response_cost") -> UsageEvent:
    """The event of a payload. `cost_at` is what its record calls the cost.

    Raises:
        Refused: its status is none that is known, or a time or an amount is not one.
    """
    metadata = payload.metadata or _NO_METADATA
    hidden = payload.hidden_params or _NO_HIDDEN
    stated = payload.custom_llm_provider or hidden.custom_llm_provider
    named, model = served(stated, payload.model, payload.model_group)
    usage = _usage(payload, metadata, hidden)
    hit = _is_hit(payload)
    call = _kind(payload, metadata, usage)
    measured = meters(usage, named) if call.bills else NOTHING_NEW
    used = NOTHING_NEW if hit else measured
    status, error_type, error_code = _outcome(payload, metadata)
    began = instant(payload.started, "startTime", naive_is_utc=True)
    took = _since(began, payload.ended, "endTime")
    first = _first_token(payload, began, took)
    stream = payload.stream or first is not None
    labels = _labels(payload, metadata)
    lifted = {name: (labels or {}).get(name) for name in _LIFTED}
    breakdown = payload.cost_breakdown
    event = UsageEvent(
        source=SOURCE,
        source_event_id=_key(payload, metadata, hidden, call, began, hit=hit),
        attempt=metadata.attempted_fallbacks,
        trace_id=payload.trace_id or None,
        occurred_at=began,
        request_type=family.streamed(call.request_type) if stream else call.request_type,
        provider=named,
        model=model,
        model_requested=payload.model_group or None,
        model_deployment=payload.model_id or None,
        service_tier=_tier(payload, usage, call),
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
        project=metadata.user_api_key_project_alias or metadata.user_api_key_project_id or lifted["project"],
        environment=lifted["environment"],
        application=lifted["application"],
        user=metadata.user_api_key_user_id or None,
        end_user=payload.end_user or metadata.user_api_key_end_user_id or None,
        labels=labels,
        latency_us=took,
        time_to_first_token_us=first,
        retries=metadata.attempted_retries,
        input_tokens=used.input_tokens,
        input_text_tokens=used.input_text_tokens,
        input_audio_tokens=used.input_audio_tokens,
        input_image_tokens=used.input_image_tokens,
        cache_read_tokens=used.cache_read_tokens,
        cache_write_tokens=used.cache_write_tokens,
        cache_write_5m_tokens=used.cache_write_5m_tokens,
        cache_write_1h_tokens=used.cache_write_1h_tokens,
        output_tokens=used.output_tokens,
        output_text_tokens=used.output_text_tokens,
        output_audio_tokens=used.output_audio_tokens,
        output_image_tokens=used.output_image_tokens,
        reasoning_tokens=used.reasoning_tokens,
        accepted_prediction_tokens=used.accepted_prediction_tokens,
        rejected_prediction_tokens=used.rejected_prediction_tokens,
        total_tokens=used.total_tokens,
        search_queries=used.search_queries,
        audio_ms=used.audio_ms,
        images=usage.output_image_count if used is measured and call.bills else None,
        reported=_reported(payload, call, measured, cost_at, hit=hit) if call.bills else None,
    )
    if event.images and payload.model_parameters is not None:
        event = pictured(event, payload.model_parameters.size, payload.model_parameters.quality)
    return _replayed(event, payload, measured) if hit else event


def _replayed(event: UsageEvent, payload: Payload, measured: Meters) -> UsageEvent:
    """`event` as the answer of LiteLLM's cache, which uses nothing of the model."""
    return msgspec.structs.replace(
        event,
        cache_hit=True,
        cache_id=payload.cache_key or None,
        replayed_input_tokens=measured.input_tokens,
        replayed_output_tokens=measured.output_tokens,
        replayed_cache_read_tokens=measured.cache_read_tokens,
        replayed_cache_write_tokens=measured.cache_write_tokens,
        replayed_total_tokens=measured.total_tokens,
    )


def _usage(payload: Payload, metadata: Metadata, hidden: HiddenParams) -> Usage:
    """What was used: LiteLLM's usage of the whole call, else that of its response, else the counts at the top."""
    found = metadata.usage_object or hidden.usage_object or metadata.additional_usage_values
    return complete(found, payload.prompt_tokens, payload.completion_tokens, payload.total_tokens)


def _kind(payload: Payload, metadata: Metadata, usage: Usage) -> Kind:
    """What kind of call it is. A read bills where it is LiteLLM's only record of a batch or a background response.

    Versions that say why a cost is 0 leave out the usage of a read that bills nothing; others repeat it.
    """
    called = payload.call_type or ""
    found = kind(called)
    if found.bills or not (payload.response_cost or usage.total_tokens):
        return found
    if found.request_type == "batch_retrieve":
        return BATCH
    if found.request_type == "responses_retrieve" and (
        metadata.internal_call_origin == "background_response_cost_poll"
        or payload.doubted_zero is not msgspec.UNSET
    ):
        return BACKGROUND
    return found


def _key(
    payload: Payload, metadata: Metadata, hidden: HiddenParams, call: Kind, began: int, *, hit: bool
) -> str | None:
    """The identity of the call. Its time is in milliseconds, to which LiteLLM's table rounds."""
    response = _MADE_UNIQUE.sub("", "" if payload.id is None else str(payload.id))
    if response and (call is BATCH or call is BACKGROUND):
        return f"{call.request_type}:{response}"
    called = payload.litellm_call_id or metadata.litellm_call_id or hidden.litellm_call_id or ""
    if not response and not called:
        return None
    key = f"{response}:{called}:{(began + 500) // 1000}"
    return f"{key}:hit" if hit else key


def _is_hit(payload: Payload) -> bool:
    said = payload.cache_hit
    if isinstance(said, str):
        said = _TRUTHS.get(said.lower())
    return bool(said) or (isinstance(payload.id, str) and "_cache_hit" in payload.id)


def _outcome(payload: Payload, metadata: Metadata) -> tuple[Status, str | None, str | None]:
    """Status, and the class and code of the error."""
    said = payload.status or metadata.status or "success"
    if said not in _STATUSES:
        raise Refused(
            "unknown_status", f"status {fault.shown(said)} is none of {', '.join(_STATUSES)}", "status"
        )
    status = _STATUSES[said]
    error = payload.error_information or metadata.error_information
    if status == "success" or error is None:
        return status, None, None
    error_type = error.error_class or None
    error_code = None if error.error_code in {None, "", "None"} else str(error.error_code)
    if error_code == _CLIENT_CLOSED or "cancel" in (error_type or "").lower():
        status = "cancelled"
    return status, error_type, error_code


def _since(began: int, then: float | str | None, field: str) -> int | None:
    """Microseconds from the beginning of the call; None for a clock that went backwards."""
    if then is None or then == "":
        return None
    span = instant(then, field, naive_is_utc=True) - began
    return span if span >= 0 else None


def _first_token(payload: Payload, began: int, took: int | None) -> int | None:
    """The time to the first token. Of a call that was not streamed LiteLLM gives its end in this place."""
    first = _since(began, payload.first_token, "completionStartTime")
    if first is None or took is None or first >= took:
        return first if payload.stream else None
    return first


def _tier(payload: Payload, usage: Usage, call: Kind) -> str | None:
    if call is BATCH:
        return "batch"
    return (payload.cost_breakdown and payload.cost_breakdown.service_tier) or usage.service_tier or None


def _virtual_key(known_by: str | None) -> str | None:
    """LiteLLM knows a key by its SHA-256, which finds the same key as the key itself would; or it has a name for it."""
    if not known_by:
        return None
    return f"{DIGEST}{known_by}" if _SHA256.fullmatch(known_by) else known_by


def _reported(
    payload: Payload, call: Kind, measured: Meters, cost_at: str, *, hit: bool
) -> ReportedCost | None:
    """The cost, or None where LiteLLM says that it does not know it.

    A 0 is its word for that too, unless the version is one that would have said so, and did price the call.
    """
    cost = payload.response_cost
    priced = payload.failed_pricing is None and not isinstance(payload.doubted_zero, msgspec.Struct)
    if cost is None or not (priced or hit):
        return None
    if call.request_type == MCP_TOOL:
        whole = litellm_cost.reported(cost, None, cost_at)
        return ReportedCost(tool=whole.total, total=whole.total, believed_zero=True)
    reported = litellm_cost.reported(cost, None if hit else payload.cost_breakdown, cost_at)
    if reported.total or hit:
        return reported
    vouched = (
        payload.doubted_zero is None
        and payload.cost_breakdown is not None
        and payload.hidden_params is not None
        and payload.hidden_params.response_cost not in {None, "None", ""}
        and measured != NOT_STATED
    )
    return ReportedCost(total=0, believed_zero=True) if vouched else _zero(payload)


def _zero(payload: Payload) -> ReportedCost | None:
    """A 0 that stands beside the computed cost, or nothing where it was never a cost."""
    hidden = payload.hidden_params
    return None if hidden is not None and hidden.response_cost is None else ReportedCost(total=0)


def _labels(payload: Payload, metadata: Metadata) -> dict[str, str] | None:
    """Tags and the key-value pairs that callers log for their books. A tag `key:value` is such a pair itself."""
    labels: dict[str, Scalar] = {}
    plain = []
    for tag in payload.request_tags or metadata.tags or ():
        if not isinstance(tag, str):
            continue
        pair = _TAG.fullmatch(tag)
        if pair is None:
            plain.append(tag)
        elif pair[1] not in labels:
            labels[pair[1]] = pair[2]
        else:
            labels[pair[1]] = f"{labels[pair[1]]},{pair[2]}"
    if plain:
        labels["tags"] = ",".join(plain)
    if payload.session_id:
        labels["session_id"] = payload.session_id
    if metadata.internal_call_origin:
        labels["internal_call_origin"] = metadata.internal_call_origin
    if metadata.is_silent_experiment:
        labels["is_silent_experiment"] = True
    logged: dict[str, Any] = metadata.spend_logs_metadata or {}
    labels.update({name: value for name, value in logged.items() if isinstance(value, str | int | float)})
    return labelled(labels)


FORMAT: Final = Format(
    name="litellm",
    title="LiteLLM's StandardLoggingPayload, as its callbacks post it and its log files hold it",
    recognises=recognises,
    read=read,
)
