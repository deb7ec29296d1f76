"""Runs of `tallybook import`, and records to import."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]


def response(n: int, **facts: Any) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{n:07d}",
        "object": "chat.completion",
        "created": 1_790_000_000 + n,
        "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "SECRET WORDS"}}
        ],
        "usage": {"prompt_tokens": 100 + n % 7, "completion_tokens": 10, "total_tokens": 110 + n % 7},
        "extra_fields": {
            "request_type": "chat_completion",
            "provider": "openai",
            "latency": 500,
            "chunk_index": 0,
        },
        **facts,
    }


def lines(*records: object) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)
