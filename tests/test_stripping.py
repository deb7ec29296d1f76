"""A refused record is kept without content and secrets."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.redaction import LARGEST, redact

PROMPT = "tell me about my illness"


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": PROMPT},
        {PROMPT: 1},
        {"unknown": {"model": PROMPT}, "prompt": [{"model": PROMPT}]},
        {
            "choices": [
                {"message": {"role": "user", "content": PROMPT}, "text": PROMPT, "delta": {"content": PROMPT}}
            ]
        },
        {"choices": [PROMPT]},
        {"choices": PROMPT},
        {"choices": [[{"finish_reason": PROMPT}]]},
        {"usage": {"prompt": PROMPT, "prompt_tokens": PROMPT}},
        {"usage": PROMPT},
        {"usage": [[PROMPT]]},
        {
            "output": [{"type": "message", "content": PROMPT}],
            "data": [PROMPT],
            "text": PROMPT,
            "pages": [PROMPT],
        },
        {"error": PROMPT},
        {"error": {"message": PROMPT, "error": PROMPT}},
        {"error_details": json.dumps({"error": {"message": PROMPT}})},
        {"error_details": {"error": {"message": PROMPT}}},
        {"metadata": {"prompt": PROMPT}, "content_summary": PROMPT, "input_history": [PROMPT]},
        {"extra_fields": {"raw_request": {"input": PROMPT}, "raw_response": PROMPT, "cache_debug": PROMPT}},
        {"response": {"messages": [{"content": PROMPT}], "response": PROMPT}},
        {"logs": [{"output_message": {"content": PROMPT}}]},
        {"labels": {"nested": {"prompt": PROMPT}}},
        {"labels": [PROMPT]},
        {"team_ids": [PROMPT], "citations": [PROMPT], "results": PROMPT},
        {"instructions": PROMPT, "metadata": PROMPT, "token_usage": PROMPT},
    ],
    ids=str,
)
def test_a_prompt_never_survives(record: dict[str, Any]) -> None:
    kept = redact(json.dumps(record).encode())
    assert kept is not None
    assert "illness" not in kept
    assert isinstance(json.loads(kept), dict)


def test_what_explains_a_refusal_is_kept() -> None:
    record = {
        "id": "c1",
        "model": "gpt-4o",
        "usage": {"prompt_tokens": -1, "cost": 0.1},
        "labels": {"feature": "faq"},
    }
    assert redact(json.dumps(record).encode()) == json.dumps(record, separators=(",", ":"))


def test_secrets_are_masked() -> None:
    record = {
        "virtual_key": "sk-bf-1234",
        "model": "sk-bf-1234 and Bearer abc.def",
        "labels": {"sk-x1": "sk-abc-123"},
    }
    kept = redact(json.dumps(record).encode())
    assert kept == '{"virtual_key":null,"model":"sk-... and Bearer ...","labels":{"sk-...":"sk-..."}}'


def test_texts_and_records_are_cut() -> None:
    assert redact(json.dumps({"model": "m" * 500}).encode()) == json.dumps(
        {"model": "m" * 200}, separators=(",", ":")
    )
    many = {"choices": [{"finish_reason": "x" * 200}] * 50, "labels": {f"k{n}": "v" * 400 for n in range(90)}}
    kept = redact(json.dumps(many).encode())
    assert kept is not None
    assert len(kept.encode()) <= LARGEST


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"' + PROMPT.encode() + b'"', b"7", b"NaN"])
def test_what_is_no_object_is_not_kept(raw: bytes) -> None:
    assert redact(raw) is None


@given(st.binary(max_size=40))
def test_any_bytes_can_be_stripped(raw: bytes) -> None:
    redact(raw)
    redact(b'{"model":' + raw + b"}")
