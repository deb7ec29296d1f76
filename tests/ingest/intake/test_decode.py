"""Decoding: a record that nobody has foreseen costs itself alone, and names and ids have a longest length."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.framing import RawRecord
from ingest.intake import names
from ingest.intake.decode import Context, Decoder
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch
from ingest.ledger.tables.calls import usage_event
from ingest.pricing.book import Book
from tests.support.import_runs import response
from tests.support.ledgers import ARRIVAL, Post

HUGE = "1e999999999999999999999"
SPAN = f'{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":{{"x":{HUGE}}}}}'
BYOK = (
    '{"created_at":"2026-10-01","generation_id":"g","cost_total":0.1,"byok_usage_inference":0.1e2147483648}'
)
PAYLOAD = {
    "id": "a",
    "litellm_call_id": "SECRET",
    "call_type": "acompletion",
    "status": "success",
    "response_cost": "nan",
    "prompt_tokens": 1,
    "completion_tokens": 1,
    "total_tokens": 2,
    "startTime": 1_790_000_000.0,
    "endTime": 1_790_000_001.0,
    "model": "gpt-4o",
}
"""A cost that is no number and no refusal of its reader: comparing it raises."""


def decode(ledger: Ledger, book: Book, *records: bytes, **context: Any) -> Batch:
    lines = [RawRecord(index, index + 1, raw) for index, raw in enumerate(records)]
    about = Context("http", ARRIVAL, arrival="arrival:x")
    return Decoder(ledger.keyring, book).decode(lines, replace(about, **context))


def encoded(record: object) -> bytes:
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "poison",
    [
        SPAN,
        f'{{"resourceSpans":[{{"resource":{{"attributes":[{HUGE}]}}}}]}}',
        BYOK,
        '{"response":{"model":"m","usage":{"prompt_tokens":1}},"latency_ms":"nan"}',
        '{"a":' * 50_000,
        f'{{"model":"m","usage":{{"cost":{HUGE}}}}}',
        '{"usage":{"prompt_tokens":%s}}' % ("9" * 5_000),
    ],
    ids=lambda text: text[:40],
)
def test_no_record_costs_its_neighbours(embedded: Ledger, book: Book, poison: str) -> None:
    batch = decode(embedded, book, encoded(response(1)), poison.encode(), encoded(response(2)))
    assert (batch.read, len(batch.entries)) == (3, 2)
    assert [(one.index, one.line) for one in batch.rejections] == [(1, 2)]


def test_a_surprise_is_a_rejection_and_is_logged_once_without_content(
    embedded: Ledger, book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = decode(embedded, book, *[encoded(PAYLOAD)] * 3)
    assert [(one.code, one.record) for one in batch.rejections] == [("unreadable_record", None)] * 3
    assert "InvalidOperation at ingest/formats/litellm/" in batch.rejections[0].reason
    logged = capsys.readouterr().err
    assert logged.count("unreadable records") == 1
    assert "records=3" in logged
    assert "SECRET" not in logged


def test_a_span_of_a_page_costs_no_other_span(embedded: Ledger, book: Book) -> None:
    def span(number: int, value: str) -> str:
        known = '{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}'
        tokens = f'{{"key":"gen_ai.usage.input_tokens","value":{{"doubleValue":{value}}}}}'
        times = '"startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000001000000000"'
        ids = f'"traceId":"{"a" * 32}","spanId":"{number:016x}"'
        return f'{{{ids},{times},"attributes":[{known},{tokens}]}}'

    spans = [span(1, "5"), span(2, HUGE), span(3, "NaN"), "7", span(4, "8")]
    page = '{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}'.format(",".join(spans))
    batch = decode(embedded, book, page.encode())
    tokens = batch.columns.index("input_tokens")
    assert [entry.facts[tokens] for entry in batch.entries] == [5, 8]
    assert [one.code for one in batch.rejections] == ["wrong_type"] * 3


@pytest.mark.parametrize("field", ["model", "team", "end_user", "session", "project", "workflow"])
def test_a_name_that_is_too_long_is_refused_with_its_length(embedded: Ledger, book: Book, field: str) -> None:
    def batch(length: int) -> Batch:
        return decode(embedded, book, encoded({field: "n" * length, "response": response(1)}))

    (rejection,) = batch(names.LONGEST + 1).rejections
    assert (rejection.code, rejection.field) == ("too_long", field)
    assert "1,001 characters" in rejection.reason
    assert len(batch(names.LONGEST).entries) == 1


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ({"k" * 1_001: "v"}, "too_long"),
        ({"k": "v" * 1_001}, "too_long"),
        ({"k": "\N{OGHAM SPACE MARK}" * 900}, "too_long"),
        ({f"k{n}": "v" for n in range(101)}, "too_many_labels"),
    ],
    ids=["key", "value", "bytes", "number"],
)
def test_labels_are_bounded(embedded: Ledger, book: Book, labels: dict[str, str], code: str) -> None:
    record = encoded({"labels": labels, "response": response(1)})
    assert [one.code for one in decode(embedded, book, record).rejections] == [code]


def test_a_long_id_is_stored_as_its_hash_and_stays_the_same_call(embedded: Ledger, post: Post) -> None:
    long = "i" * 1_000_000
    record = encoded({"event_id": long, "trace_id": long, "response": response(1)})
    assert post(embedded, record).accepted == 1
    assert post(embedded, record).duplicates == 1
    assert post(embedded, encoded({"event_id": f"{long}!", "response": response(1)})).accepted == 1
    with embedded.reading() as connection:
        ids = connection.execute(sa.select(usage_event.c.source_event_id, usage_event.c.trace_id)).all()
    hashed = f"sha256:{hashlib.sha256(long.encode()).hexdigest()}"
    assert tuple(ids[0]) == (hashed, hashed)
    assert len({one.source_event_id for one in ids}) == 2


def test_a_nul_in_json_within_json_reaches_no_ledger(ledger: Ledger, post: Post) -> None:
    row = {
        "request_id": "a",
        "call_type": "acompletion",
        "startTime": "2026-10-01T00:00:00Z",
        "spend": 0.1,
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "total_tokens": 2,
        "model": "gpt-4o",
        "metadata": '{"user_api_key_team_alias": "se\\u0000arch", "requester_metadata": {"job": "a\\u0000b"}}',
    }
    assert post(ledger, encoded(row), encoded(response(1))).accepted == 2


@pytest.mark.parametrize("at", ["1960-01-01T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_an_impossible_time_of_change_is_refused(embedded: Ledger, book: Book, at: str) -> None:
    row = {"id": "a", "timestamp": "2026-10-01T00:00:00Z", "created_at": at, "updated_at": at}
    batch = decode(embedded, book, encoded({**row, "provider": "openai", "model": "m", "status": "success"}))
    assert not batch.entries


def test_a_record_of_a_million_fields_is_refused_without_being_decoded(embedded: Ledger, book: Book) -> None:
    fields = ",".join(f'"k{n}":1' for n in range(30_000))
    whole = encoded(response(1)).decode()
    content = encoded(response(2, text=f"{{{fields}}}"))
    batch = decode(embedded, book, f"{whole[:-1]},{fields}}}".encode(), f"{{{fields}}}".encode(), content)
    assert [(one.code, one.record) for one in batch.rejections] == [("too_many_keys", None)] * 2
    assert len(batch.entries) == 1  # keys of JSON in a text are no keys of the record
