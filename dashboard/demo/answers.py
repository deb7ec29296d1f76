"""Answers: usage and timing of calls answered by the model or by the gateway's own cache."""

from typing import Any, Final

from dashboard.demo.keys import Key
from dashboard.demo.models import EMBEDDING, Model
from dashboard.demo.random_draws import Curve, RandomDraws
from dashboard.demo.schedules import HourConditions
from ingest.model.event import ReportedCost

_CACHE_BLOCK: Final = 128
_CACHED_FROM: Final = 1024
"""Providers cache prompts from this number of tokens on, in blocks."""

_CANCELLED: Final = 0.012
_BATCH_FACTS: Final[dict[str, Any]] = {"object": "chat.completion", "stream": False}
"""The facts of a batched call, which has no meaningful latency."""

_FIRST_TOKEN: Final = Curve(((0, 55), (0.5, 100), (0.9, 190), (0.99, 420), (1, 900)))
"""Time to first token, in percent of the model's usual value."""
_REASONING_TOKENS: Final = Curve(((0, 32), (0.5, 380), (0.9, 1400), (0.99, 4200), (1, 9000)))
_LOOKUP_TOKENS: Final = Curve(((0, 5), (0.5, 19), (0.9, 46), (1, 120)))
"""Tokens of a prompt that the gateway's semantic cache looks up."""


def answered_call(key: Key, model: Model, conditions: HourConditions, draws: RandomDraws) -> dict[str, Any]:
    """The facts of a call that is answered, or cancelled meanwhile."""
    work = key.work
    prompt = draws.of(work.prompt)
    if work.answer is None:
        return _embedding(prompt, model, draws)
    reasoning = draws.of(_REASONING_TOKENS) if draws.happens(model.thinks) else 0
    output = draws.of(work.answer) + reasoning
    is_batched = key.batches and conditions.batches
    stream = not is_batched and draws.happens(work.streams)
    facts = dict(_BATCH_FACTS) if is_batched else _timing(model, prompt, output, stream, draws)
    if stream and draws.happens(_CANCELLED):
        return _cancelled(facts, prompt, output, draws)
    has_tool_calls = draws.happens(work.tools)
    facts |= _prompt_cache(key, model, prompt, draws)
    facts |= {
        "choices": 1,
        "tool_calls": 1 + draws.below(3) if has_tool_calls else 0,
        "finish_reason": "tool_calls" if has_tool_calls else "length" if draws.happens(0.02) else "stop",
        "input_tokens": prompt,
        "output_tokens": output,
        "total_tokens": prompt + output,
        "reasoning_tokens": reasoning if model.thinks else None,
    }
    if key.cached and draws.happens(0.5):
        facts |= {"cache_hit": False} | _lookup(draws)
    if model.reports is not None:
        rates = model.reports[conditions.late]
        input_cost, output_cost = prompt * rates.input, output * rates.output
        facts["reported"] = ReportedCost(input=input_cost, output=output_cost, total=input_cost + output_cost)
    return facts


def _embedding(prompt: int, model: Model, draws: RandomDraws) -> dict[str, Any]:
    return {
        "object": "list",
        "stream": False,
        "input_tokens": prompt,
        "output_tokens": 0,
        "total_tokens": prompt,
        "latency_us": 10 * model.first_token_ms * draws.of(_FIRST_TOKEN),
    }


def _timing(model: Model, prompt: int, output: int, stream: bool, draws: RandomDraws) -> dict[str, Any]:
    """The timing of an answer."""
    first_token_us = 10 * model.first_token_ms * draws.of(_FIRST_TOKEN) + 25 * prompt
    facts: dict[str, Any] = {
        "object": "chat.completion",
        "stream": stream,
        "latency_us": first_token_us + int(output * 1_000_000 / (model.speed * draws.between(0.7, 1.25))),
        "retries": 1 if draws.happens(0.008) else 0,
    }
    facts["upstream_latency_us"] = facts["latency_us"] - 900 - draws.below(3000)
    if stream:
        facts |= {
            "object": "chat.completion.chunk",
            "request_type": "chat_completion_stream",
            "time_to_first_token_us": first_token_us,
            "chunk_count": 2 + output // 3,
        }
    return facts


def _cancelled(facts: dict[str, Any], prompt: int, output: int, draws: RandomDraws) -> dict[str, Any]:
    """A stream cancelled by the client. Half of them are billed for the tokens made by then."""
    fraction = draws.share()
    made_tokens = int(output * fraction)
    first_token_us = facts["time_to_first_token_us"]
    facts |= {
        "status": "cancelled",
        "latency_us": first_token_us + int((facts["latency_us"] - first_token_us) * fraction),
        "chunk_count": 1 + made_tokens // 3,
        "upstream_latency_us": None,
    }
    if draws.happens(0.5):
        facts |= {"input_tokens": prompt, "output_tokens": made_tokens, "total_tokens": prompt + made_tokens}
    return facts


def _prompt_cache(key: Key, model: Model, prompt: int, draws: RandomDraws) -> dict[str, int]:
    """The tokens that the provider read from its prompt cache or wrote to it."""
    if not model.reads_cache or prompt < _CACHED_FROM:
        return {}
    prefix = int(prompt * draws.between(0.45, 0.95)) // _CACHE_BLOCK * _CACHE_BLOCK
    if draws.happens(key.work.repeats):
        return (
            {"cache_read_tokens": prefix, "cache_write_tokens": 0}
            if model.writes_cache
            else {"cache_read_tokens": prefix}
        )
    if model.writes_cache:
        return {"cache_read_tokens": 0, "cache_write_tokens": prefix, "cache_write_5m_tokens": prefix}
    return {"cache_read_tokens": 0}


def replayed_call(key: Key, model: Model, draws: RandomDraws) -> dict[str, Any]:
    """An answer from the gateway's own cache. The replayed tokens are not used again."""
    assert key.work.answer is not None, "only answers are cached"
    prompt, output = draws.of(key.work.prompt), draws.of(key.work.answer)
    facts: dict[str, Any] = {
        "object": "chat.completion",
        "stream": False,
        "choices": 1,
        "finish_reason": "stop",
        "input_tokens": 0,
        "output_tokens": 0,
        "total_tokens": 0,
        "cache_hit": True,
        "cache_requested_provider": model.provider,
        "cache_requested_model": model.name,
        "replayed_input_tokens": prompt,
        "replayed_output_tokens": output,
        "replayed_total_tokens": prompt + output,
    }
    if draws.happens(0.6):
        return facts | {"cache_hit_type": "direct", "latency_us": 2_000 + draws.below(9_000)}
    semantic_hit = {
        "cache_hit_type": "semantic",
        "cache_similarity": f"0.{80 + draws.below(20)}",
        "cache_threshold": "0.8",
        "latency_us": 60_000 + draws.below(90_000),
    }
    return facts | semantic_hit | _lookup(draws)


def _lookup(draws: RandomDraws) -> dict[str, Any]:
    """The tokens and the model of a look-up in the gateway's semantic cache."""
    return {
        "cache_lookup_tokens": draws.of(_LOOKUP_TOKENS),
        "cache_used_provider": EMBEDDING.provider,
        "cache_used_model": EMBEDDING.name,
    }
