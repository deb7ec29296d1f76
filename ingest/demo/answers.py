"""Answers: what a call used and how fast it was, whether the model gave it or the gateway's own cache."""

from typing import Any, Final

from ingest.demo.chance import Chance, Curve
from ingest.demo.keys import Key
from ingest.demo.models import EMBEDDING, Model
from ingest.demo.rhythms import Moment
from ingest.event import ReportedCost

_BLOCK: Final = 128
_CACHED_FROM: Final = 1024
"""Providers cache prompts from so many tokens on, in blocks."""

_CANCELLED: Final = 0.012
_IN_BATCH: Final[dict[str, Any]] = {"object": "chat.completion", "stream": False}
"""The speed of a call in a batch: it has no latency that would mean anything."""

_FIRST_TOKEN: Final = Curve(((0, 55), (0.5, 100), (0.9, 190), (0.99, 420), (1, 900)))
"""Time to first token in percent of the model's usual one."""
_THOUGHTS: Final = Curve(((0, 32), (0.5, 380), (0.9, 1400), (0.99, 4200), (1, 9000)))
_QUESTION: Final = Curve(((0, 5), (0.5, 19), (0.9, 46), (1, 120)))
"""Tokens of a question that the gateway's cache looks up."""


def answered(key: Key, model: Model, moment: Moment, chance: Chance) -> dict[str, Any]:
    """A call that is answered, or cancelled on the way."""
    work = key.work
    prompt = chance.of(work.prompt)
    if work.answer is None:
        return _embedded(prompt, model, chance)
    thoughts = chance.of(_THOUGHTS) if chance.happens(model.thinks) else 0
    output = chance.of(work.answer) + thoughts
    batched = key.batches and moment.batches
    stream = not batched and chance.happens(work.streams)
    facts = dict(_IN_BATCH) if batched else _speed(model, prompt, output, stream, chance)
    if stream and chance.happens(_CANCELLED):
        return _cancelled(facts, prompt, output, chance)
    tools = chance.happens(work.tools)
    facts |= _prompt_cache(key, model, prompt, chance)
    facts |= {
        "choices": 1,
        "tool_calls": 1 + chance.below(3) if tools else 0,
        "finish_reason": "tool_calls" if tools else "length" if chance.happens(0.02) else "stop",
        "input_tokens": prompt,
        "output_tokens": output,
        "total_tokens": prompt + output,
        "reasoning_tokens": thoughts if model.thinks else None,
    }
    if key.cached and chance.happens(0.5):
        facts |= {"cache_hit": False} | _lookup(chance)
    if model.reports is not None:
        rates = model.reports[moment.late]
        paid, earned = prompt * rates.input, output * rates.output
        facts["reported"] = ReportedCost(input=paid, output=earned, total=paid + earned)
    return facts


def _embedded(prompt: int, model: Model, chance: Chance) -> dict[str, Any]:
    return {
        "object": "list",
        "stream": False,
        "input_tokens": prompt,
        "output_tokens": 0,
        "total_tokens": prompt,
        "latency_us": 10 * model.first_token_ms * chance.of(_FIRST_TOKEN),
    }


def _speed(model: Model, prompt: int, output: int, stream: bool, chance: Chance) -> dict[str, Any]:
    """How fast the answer came."""
    first = 10 * model.first_token_ms * chance.of(_FIRST_TOKEN) + 25 * prompt
    facts: dict[str, Any] = {
        "object": "chat.completion",
        "stream": stream,
        "latency_us": first + int(output * 1_000_000 / (model.speed * chance.between(0.7, 1.25))),
        "retries": 1 if chance.happens(0.008) else 0,
    }
    facts["upstream_latency_us"] = facts["latency_us"] - 900 - chance.below(3000)
    if stream:
        facts |= {
            "object": "chat.completion.chunk",
            "request_type": "chat_completion_stream",
            "time_to_first_token_us": first,
            "chunk_count": 2 + output // 3,
        }
    return facts


def _cancelled(facts: dict[str, Any], prompt: int, output: int, chance: Chance) -> dict[str, Any]:
    """A stream that the caller left: half of them are billed for what had been made by then."""
    done = chance.share()
    made = int(output * done)
    first = facts["time_to_first_token_us"]
    facts |= {
        "status": "cancelled",
        "latency_us": first + int((facts["latency_us"] - first) * done),
        "chunk_count": 1 + made // 3,
        "upstream_latency_us": None,
    }
    if chance.happens(0.5):
        facts |= {"input_tokens": prompt, "output_tokens": made, "total_tokens": prompt + made}
    return facts


def _prompt_cache(key: Key, model: Model, prompt: int, chance: Chance) -> dict[str, int]:
    """What the provider read from its prompt cache, or wrote there."""
    if not model.reads_cache or prompt < _CACHED_FROM:
        return {}
    prefix = int(prompt * chance.between(0.45, 0.95)) // _BLOCK * _BLOCK
    if chance.happens(key.work.repeats):
        return (
            {"cache_read_tokens": prefix, "cache_write_tokens": 0}
            if model.writes_cache
            else {"cache_read_tokens": prefix}
        )
    if model.writes_cache:
        return {"cache_read_tokens": 0, "cache_write_tokens": prefix, "cache_write_5m_tokens": prefix}
    return {"cache_read_tokens": 0}


def replayed(key: Key, model: Model, chance: Chance) -> dict[str, Any]:
    """An answer from the gateway's own cache. What it replays is not used again."""
    assert key.work.answer is not None, "only answers are cached"
    prompt, output = chance.of(key.work.prompt), chance.of(key.work.answer)
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
    if chance.happens(0.6):
        return facts | {"cache_hit_type": "direct", "latency_us": 2_000 + chance.below(9_000)}
    found = {
        "cache_hit_type": "semantic",
        "cache_similarity": f"0.{80 + chance.below(20)}",
        "cache_threshold": "0.8",
        "latency_us": 60_000 + chance.below(90_000),
    }
    return facts | found | _lookup(chance)


def _lookup(chance: Chance) -> dict[str, Any]:
    """What it took to ask the gateway's semantic cache."""
    return {
        "cache_lookup_tokens": chance.of(_QUESTION),
        "cache_used_provider": EMBEDDING.provider,
        "cache_used_model": EMBEDDING.name,
    }
