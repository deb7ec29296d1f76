"""Inference: the probable target of each column of a sample, by the column's name and cells."""

import re
from collections.abc import Callable
from typing import Final

from ingest.mapping.sample import SampleColumn

Test = Callable[[SampleColumn], bool]

_NAMES: Final = {
    "event.event_id": """
        event_id id request_id call_id generation_id response_id uuid log_id record_id message_id""",
    "event.occurred_at": """
        occurred_at timestamp time created_at created date datetime start_time starttime started_at
        request_time event_time call_time date_time usage_date day datum zeit zeitpunkt zeitstempel""",
    "event.model": "model model_name model_id model_used used_model llm_model modell",
    "event.model_requested": "model_requested requested_model model_group model_alias",
    "event.provider": "provider provider_name vendor custom_llm_provider llm_provider anbieter",
    "event.request_type": "request_type call_type operation object_type",
    "event.input_tokens": """
        input_tokens prompt_tokens tokens_prompt tokens_in tokens_input request_tokens prompt_token_count
        input_token_count num_input_tokens context_tokens input prompt eingabe_tokens
        n_context_tokens_total""",
    "event.output_tokens": """
        output_tokens completion_tokens tokens_completion tokens_out tokens_output response_tokens
        generated_tokens candidates_token_count output_token_count num_output_tokens output completion
        ausgabe_tokens n_generated_tokens_total""",
    "event.total_tokens": "total_tokens tokens tokens_total token_count total_token_count num_tokens",
    "event.cache_read_tokens": """
        cache_read_tokens cached_tokens cache_read_input_tokens cached_input_tokens tokens_cached
        input_cached_tokens cached_content_token_count cached_read_tokens cached cache_hits_tokens""",
    "event.cache_write_tokens": """
        cache_write_tokens cache_creation_input_tokens cache_creation_tokens cached_write_tokens""",
    "event.reasoning_tokens": "reasoning_tokens tokens_reasoning thinking_tokens thoughts_token_count",
    "event.latency": """
        latency duration response_time elapsed elapsed_time total_time generation_time request_duration
        latenz dauer""",
    "event.time_to_first_token": """
        time_to_first_token ttft first_token first_token_latency time_to_first_chunk""",
    "event.status": "status outcome result state request_status",
    "event.stream": "stream streamed streaming is_stream",
    "event.cache_hit": "cache_hit is_cached cached_response",
    "event.finish_reason": "finish_reason stop_reason",
    "event.error_type": "error_type",
    "event.error_code": "error_code",
    "event.virtual_key": "virtual_key virtual_key_id api_key api_key_id key key_id",
    "event.virtual_key_name": "virtual_key_name key_name api_key_name key_alias",
    "event.team": "team team_id department abteilung group",
    "event.team_name": "team_name team_alias",
    "event.customer": "customer customer_id tenant tenant_id organization organization_id kunde",
    "event.customer_name": "customer_name organization_name",
    "event.project": "project project_id project_name projekt workspace",
    "event.environment": "environment env stage",
    "event.application": "application app app_name application_name service service_name",
    "event.user": "user user_id user_name user_email email member",
    "event.end_user": "end_user end_user_id",
    "event.session": "session session_id conversation conversation_id chat_id thread_id",
    "event.agent": "agent agent_name agent_id",
    "event.workflow": "workflow workflow_name workflow_id",
    "event.region": "region location",
    "event.service_tier": "service_tier tier",
    "event.retries": "retries number_of_retries retry_count",
    "event.search_queries": "search_queries num_search_queries web_search_requests",
    "event.images": "images num_images image_count",
    "event.trace_id": "trace_id",
    "cost.total": """
        total_cost cost spend cost_usd usd_cost total_cost_usd amount charge price usage_cost cost_in_usd
        costs total kosten gesamtkosten betrag response_cost""",
    "cost.input": "input_cost prompt_cost cost_input cost_prompt input_cost_usd",
    "cost.output": "output_cost completion_cost cost_output cost_completion output_cost_usd",
    "cost.cache_read": "cache_read_cost cached_cost cost_cache_read",
    "cost.cache_write": "cache_write_cost cost_cache_write",
    "cost.reasoning": "reasoning_cost cost_reasoning",
    "cost.request": "request_cost cost_request",
    "cost.search": "search_cost cost_search",
    "cost.currency": "currency waehrung currency_code",
}
"""Names of columns by target, the likeliest first."""

UNITS: Final = (
    (re.compile(r"_(ms|msec|millis|milliseconds?|in_ms)$"), "ms"),
    (re.compile(r"_(us|micros|microseconds?)$"), "us"),
    (re.compile(r"_(ns|nanos|nanoseconds?)$"), "ns"),
    (re.compile(r"_(s|sec|secs|seconds?)$"), "s"),
)
"""Units of time at the end of a name."""

_CURRENCY: Final = re.compile(r"_(usd|eur|gbp|chf|jpy|cny|inr|sek|nok|dkk|pln|czk|cad|aud|brl|krw|sgd)$")
"""Currencies at the end of a name."""

_WORD: Final = re.compile(r"[A-Z]?[a-zäöüß]+|[A-Z]+(?![a-z])|\d+")


def infer_targets(columns: dict[str, SampleColumn]) -> dict[str, SampleColumn]:
    """The probable column of each target. Each column is used once."""
    inferred: dict[str, SampleColumn] = {}
    taken: set[str] = set()
    for target, names in _NAMES.items():
        for name in names.split():
            free = [column for column in columns.values() if column.name not in taken]
            named = [column for column in free if _is_called(column.name, name)]
            best = next((column for column in named if _accepts(target, column)), None)
            if best is not None:
                inferred[target] = best
                taken.add(best.name)
                break
    return inferred


def normalized_name(name: str) -> str:
    """A name in lower case with underscores between its words: `Prompt Tokens (k)` is prompt_tokens_k."""
    return "_".join(word.lower() for word in _WORD.findall(name))


def unit_in_name(name: str) -> str | None:
    """The unit of time at the end of a name."""
    return next((time_unit for pattern, time_unit in UNITS if pattern.search(normalized_name(name))), None)


def currency_in_name(name: str) -> str | None:
    """The currency at the end of a name, such as `Cost (EUR)`."""
    match = _CURRENCY.search(normalized_name(name))
    return match.group(1).upper() if match else None


def _is_called(column: str, name: str) -> bool:
    whole, last = normalized_name(column), normalized_name(column.rpartition(".")[2])
    return name in {whole, last, _without_unit(whole), _without_unit(last)}


def _without_unit(name: str) -> str:
    for pattern, _ in UNITS:
        name = pattern.sub("", name)
    return _CURRENCY.sub("", name)


def _accepts(target: str, column: SampleColumn) -> bool:
    """Whether the cells of a column fit a target."""
    test = _TESTS.get(target.partition(".")[2])
    if test is None:
        test = _is_number if target.startswith("cost.") or target.endswith("_tokens") else _is_name
    return column.kind != "empty" and test(column)


def _is_number(column: SampleColumn) -> bool:
    return column.is_number


def _is_name(column: SampleColumn) -> bool:
    return column.kind in {"text", "whole number"}


def _is_time(column: SampleColumn) -> bool:
    return bool(column.time_formats())


def _is_flag(column: SampleColumn) -> bool:
    return all(cell.lower() in {"true", "false", "yes", "no", "0", "1"} for cell in column.cells)


def _is_key(column: SampleColumn) -> bool:
    return _is_name(column) and len(column.distinct) == len(column.cells)


def _is_currency(column: SampleColumn) -> bool:
    return all(re.fullmatch("[A-Z]{3}", cell) for cell in column.cells)


_TESTS: Final[dict[str, Test]] = {
    "occurred_at": _is_time,
    "event_id": _is_key,
    "latency": _is_number,
    "time_to_first_token": _is_number,
    "retries": _is_number,
    "search_queries": _is_number,
    "images": _is_number,
    "stream": _is_flag,
    "cache_hit": _is_flag,
    "currency": _is_currency,
}
"""Tests of a column by target; the default is numbers for tokens and costs, and short texts for the rest."""
