"""Every sample under `tests/formats/<format>/` gives the event beside it, and exactly one format knows it.

A sample is `<case>.json`, or `<case>.sse` for a stream. The expected file of a refused sample holds the
refusal. `python -m tests.ingest.formats.test_samples` writes the expected files anew, to be read in the diff
before they are believed.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import stream
from ingest.formats.format import marks
from ingest.model.event import UsageEvent, check
from ingest.model.rejection import Refused
from tests.support.examples import examples
from tests.support.paths import FORMATS
from tests.support.samples import JSON, SAMPLES, events, is_told, named, outcome, record


def expected(path: Path) -> Path:
    return path.with_name(f"{path.stem}.expected.json")


def is_refused(path: Path) -> bool:
    return "refused" in events(record(path))


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_sample_gives_the_expected_event(path: Path) -> None:
    assert events(record(path)) == json.loads(expected(path).read_text())


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_exactly_one_format_recognises_a_sample(path: Path) -> None:
    fields = marks(record(path))
    known = [one.name for one in formats.FORMATS if one.recognises(fields)]
    assert known == ["envelope" if path.suffix == ".sse" else path.parent.name]


@pytest.mark.parametrize("path", [path for path in SAMPLES if not is_refused(path)], ids=named)
def test_a_sample_has_parts_that_fit_their_wholes(path: Path) -> None:
    raw = record(path)
    for part in formats.unpack(raw) or [raw]:
        check(formats.read(part))


@pytest.mark.parametrize("path", [path for path in SAMPLES if not is_refused(path)], ids=named)
def test_the_lenient_look_reads_the_same(path: Path) -> None:
    raw = record(path)
    for part in formats.unpack(raw) or [raw]:
        assert formats.read(b"\xef\xbb\xbf" + part) == formats.read(part)


def test_every_expected_file_has_its_sample() -> None:
    folder = FORMATS
    assert {expected(path) for path in SAMPLES} == set(folder.glob("*/*.expected.json"))


def test_a_format_is_found_by_its_name_and_reads_only_its_shape() -> None:
    row = FORMATS / "bifrost-log" / "error.json"
    log = formats.by_name("bifrost-log")
    assert formats.recognise(row.read_bytes()) is log
    assert formats.read(row.read_bytes(), log).source == "bifrost-log"
    with pytest.raises(Refused, match="this is not a completion response") as caught:
        formats.read(row.read_bytes(), formats.by_name("completion"))
    assert caught.value.code == "unknown_format"
    with pytest.raises(Refused, match="completion, envelope, bifrost-log"):
        formats.by_name("csv")


USAGE = '{"choices": [], "model": "gpt-4o", "usage": %s}'
ROW = (
    '{"id": "r", "timestamp": "2026-03-30T09:15:00Z", "status": "success", "model": "m", "provider": "p", %s}'
)
ENVELOPE = '{"response": {"choices": [], "usage": {"prompt_tokens": 1}}, %s}'


@pytest.mark.parametrize(
    ("raw", "code", "field", "reason"),
    [
        ("", "not_json", None, "the record is empty"),
        ('{"id": 1', "not_json", None, "at character 9"),
        ("[1, 2]", "not_an_object", None, "not a JSON object"),
        ('"How are you?"', "not_an_object", None, "not a JSON object"),
        ('{"hello": 1, "How are you?": 2}', "unknown_format", None, "fields: hello, ?; `tallybook formats`"),
        (
            USAGE % '{"prompt_tokens": "twelve"}',
            "wrong_type",
            "usage.prompt_tokens",
            '"twelve", a whole number is expected',
        ),
        (
            USAGE % '{"prompt_tokens": "tell me"}',
            "wrong_type",
            "usage.prompt_tokens",
            "is text, a whole number",
        ),
        (USAGE % '{"prompt_tokens": true}', "wrong_type", "usage.prompt_tokens", "is true, a whole number"),
        (USAGE % '{"prompt_tokens": [5]}', "wrong_type", "usage.prompt_tokens", "is a list"),
        (
            USAGE % '{"prompt_tokens": -1}',
            "impossible_count",
            "usage.prompt_tokens",
            "is -1: a whole number from 0",
        ),
        (
            USAGE % '{"prompt_tokens": 1.5}',
            "impossible_count",
            "usage.prompt_tokens",
            "is 1.5: a whole number",
        ),
        (
            USAGE % '{"total_tokens": 1000000000001}',
            "impossible_count",
            "usage.total_tokens",
            "1,000,000,000,000",
        ),
        (
            USAGE % ('{"total_tokens": 1%s}' % ("0" * 5000)),
            "impossible_count",
            "usage.total_tokens",
            "e+5000",
        ),
        (USAGE % '{"total_tokens": 1e400}', "impossible_count", "usage.total_tokens", "1e+400"),
        (USAGE % '{"seconds": -1}', "impossible_count", "usage.seconds", "no call takes"),
        (USAGE % '{"prompt_tokens": NaN}', "not_json", None, "NaN is not a JSON number"),
        (USAGE % '{"cost": Infinity}', "not_json", None, "Infinity is not a JSON number"),
        (USAGE % '{"cost": "NaN"}', "bad_amount", "usage.cost", "NaN is not an amount"),
        (
            USAGE % '{"cost": {"total_cost": 9300000}}',
            "bad_amount",
            "usage.cost.total_cost",
            "larger than one event",
        ),
        (
            USAGE % '{"cost": {"output_cost_details": {"reasoning_cost": 1e99}}}',
            "bad_amount",
            None,
            "reasoning_cost",
        ),
        (USAGE % '{"cost": []}', "wrong_type", "usage.cost", "is a list, an amount or an object is expected"),
        (USAGE % '{"cost": "dear"}', "wrong_type", "usage.cost", '"dear", an amount is expected'),
        (
            '{"choices": [{"finish_reason": 5}]}',
            "wrong_type",
            "choices[0].finish_reason",
            "is 5, text is expected",
        ),
        ('{"extra_fields": {"latency": -3}}', "impossible_count", "extra_fields.latency", "is -3: a number"),
        ('{"object": "video", "model": "m", "status": "queued"}', "processing", "status", "not ended yet"),
        (
            '{"object": "response", "model": "m", "status": "in_progress"}',
            "processing",
            "status",
            "not ended yet",
        ),
        (
            '{"object": "interaction", "status": "in_progress", "usage": {"total_input_tokens": 5}}',
            "processing",
            "status",
            "not ended yet",
        ),
        (ROW.replace("success", "processing") % '"cost": 1', "processing", "status", "send this row again"),
        (ROW.replace("success", "odd") % '"cost": 1', "unknown_status", "status", '"odd" is none of'),
        (ROW % '"cost": 1e30', "bad_amount", "cost", "larger than one event"),
        (
            ROW % '"token_usage": "{\\"prompt_tokens\\": -2}"',
            "impossible_count",
            "token_usage.prompt_tokens",
            "is -2",
        ),
        (ROW % '"token_usage": "{"', "not_json", "token_usage", "token_usage: not JSON"),
        (ROW % '"token_usage": 5', "wrong_type", "token_usage", "an object is expected"),
        (ENVELOPE % '"occurred_at": "2026-03-30T09:15:00"', "bad_time", "occurred_at", "no time zone"),
        (ENVELOPE % '"occurred_at": "yesterday"', "bad_time", "occurred_at", "not a time such as"),
        (ENVELOPE % '"occurred_at": 1774862100000', "bad_time", "occurred_at", "seconds since 1970"),
        (ENVELOPE % '"status": "fine"', "unknown_status", "status", "cancelled, error, success"),
        (ENVELOPE % '"labels": {"a": []}', "wrong_type", "labels[...]", "is of another type"),
        (
            '{"response": {"choices": [], "usage": {"prompt_tokens": -1}}}',
            "impossible_count",
            "response.usage.prompt_tokens",
            "usage.prompt_tokens is -1",
        ),
        (ROW % '"metadata": "blue"', "not_json", "metadata", "metadata: not JSON"),
        ('{"response": {"answer": 42}}', "unknown_format", "response", "answer"),
        ('{"logs": []}', "page", None, "a page of many rows"),
    ],
)
def test_a_refusal_names_the_field_and_what_was_found(
    raw: str, code: str, field: str | None, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        formats.read(raw.encode())
    assert caught.value.code == code
    if field is not None:
        assert caught.value.field == field
    assert reason in caught.value.reason


def test_a_secret_in_a_wrong_place_is_not_shown() -> None:
    with pytest.raises(Refused) as caught:
        formats.read((USAGE % '{"prompt_tokens": "sk-bf-0123456789abcdef"}').encode())
    assert "sk-" not in caught.value.reason


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Refused, match="nested too deeply"):
        formats.read(b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_odd_text_is_mended() -> None:
    raw = b'{"choices": [], "id": "a\\ud800\\u0000b", "model": "gpt-4o\xff", "usage": {"prompt_tokens": 1e1}}'
    event = formats.read(raw)
    assert (event.source_event_id, event.model, event.input_tokens) == ("openai:a?b", "gpt-4o�", 10)


def test_a_cancelled_error_is_known_by_its_code_alone() -> None:
    assert formats.read(b'{"error": {"code": "request_cancelled"}}').status == "cancelled"
    assert formats.read(b'{"error": {"code": 499}}').status == "cancelled"
    assert formats.read(b'{"error": {"code": 500}}').status == "error"
    assert formats.read(b'{"error": "the model is gone", "model": "m", "object": "error"}').status == "error"


def test_two_hits_of_one_response_are_two_events() -> None:
    def hit(when: str) -> UsageEvent:
        cache = {
            "choices": [],
            "id": "c1-4f2a",
            "created": 1,
            "extra_fields": {"cache_debug": {"cache_hit": True}},
        }
        return formats.read(json.dumps({"occurred_at": when, "response": cache}).encode())

    assert hit("2026-03-30T09:15:00Z").source_event_id != hit("2026-03-30T09:15:01Z").source_event_id


def test_an_envelope_in_an_envelope_is_read() -> None:
    inner = {"team": "a", "project": "x", "response": {"choices": [], "model": "gpt-4o"}}
    event = formats.read(json.dumps({"team": "b", "response": inner}).encode())
    assert (event.team, event.project) == ("b", "x")


def test_what_an_envelope_does_not_say_stays_as_the_response_has_it() -> None:
    response = {"choices": [], "model": "gpt-4o", "id": "r", "created": 1774862100}
    alone = formats.read(json.dumps(response).encode())
    assert formats.read(json.dumps({"response": response, "team": None}).encode()) == alone


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(Refused, match="no chunk"):
        stream.assemble([])


def test_a_chunk_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Refused) as caught:
        stream.assemble([b"{}", b'{"usage": {"prompt_tokens": -1}}'])
    assert caught.value.field == "chunks[1].usage.prompt_tokens"


@pytest.mark.parametrize("path", [path for path in SAMPLES if path.suffix == ".sse"], ids=named)
def test_an_assembled_stream_holds_no_content(path: Path) -> None:
    raw = record(path).decode()
    for content in ("answer", "Hello", "Once upon", "Good", "UklGRg", "saying", "arguments"):
        assert content not in raw


NAMES = sorted(
    {
        *(
            "usage",
            "extra_fields",
            "choices",
            "response",
            "timestamp",
            "status",
            "id",
            "model",
            "object",
            "error",
        ),
        *(
            "token_usage",
            "cost",
            "type",
            "output",
            "logs",
            "created",
            "provider",
            "prompt_tokens",
            "total_tokens",
        ),
        *(
            "completion_tokens_details",
            "cache_debug",
            "labels",
            "occurred_at",
            "seconds",
            "latency",
            "metadata",
        ),
    }
)


def objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects with the names that formats know, nested in any order."""
    return st.recursive(
        st.dictionaries(st.sampled_from(NAMES), leaves, max_size=6),
        lambda inner: st.dictionaries(st.sampled_from(NAMES), inner | leaves, max_size=6),
        max_leaves=12,
    )


@examples(60)
@given(objects(JSON))
def test_any_json_is_an_event_or_a_refusal(value: dict[str, Any]) -> None:
    assert is_told(outcome(json.dumps(value).encode()))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_refusal(raw: bytes) -> None:
    assert is_told(outcome(raw))
    assert is_told(outcome(b'{"choices":' + raw + b"}"))


@given(st.lists(objects(JSON).map(lambda value: json.dumps(value).encode()), min_size=1, max_size=4))
def test_any_stream_is_a_record_or_a_refusal(chunks: list[bytes]) -> None:
    try:
        record = stream.assemble(chunks)
    except Refused:
        return
    assert is_told(outcome(record))


def write_expected_files() -> None:
    for path in SAMPLES:
        text = json.dumps(events(record(path)), indent=2, ensure_ascii=False)
        expected(path).write_text(text + "\n")


if __name__ == "__main__":
    write_expected_files()
