"""The receiver of traces: what OTLP asks of an answer, and what is in the ledger when things go wrong."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import SecretStr
from starlette.testclient import TestClient

from ingest.access.guard import guarded
from ingest.access.permissions import Rights
from ingest.formats.otel import protobuf
from ingest.http import limits, turns
from ingest.http.app import RIGHTS, make_api
from ingest.intake.intake import Intake
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.ledger.tables.calls import rejected_record
from ingest.settings import Settings
from tests.support.spans import as_json, as_protobuf, request, span
from tests.support.stored_events import kept

LIMIT = 2**16
SETTINGS = Settings(max_body_bytes=LIMIT)
TIGHT = Settings(max_memory_bytes=2**24)
JSON = "application/json"
PROTOBUF = "application/x-protobuf"
ENCODINGS: dict[str, Callable[[dict[str, Any]], bytes]] = {JSON: as_json, PROTOBUF: as_protobuf}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}

media = pytest.mark.parametrize("media", ENCODINGS)


@pytest.fixture
def client(embedded: Ledger) -> Iterator[TestClient]:
    with TestClient(make_api(embedded, SETTINGS), raise_server_exceptions=False) as made:
        yield made


def export(client: TestClient, media: str, *spans: dict[str, Any], **headers: str) -> Any:
    named = {"content-type": media} | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/traces", content=ENCODINGS[media](request(*spans)), headers=named)


def partial(answer: Any, media: str) -> tuple[int, str] | None:
    """What an answer says was rejected, None for a full success."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media
    if media == PROTOBUF:
        told = ExportTraceServiceResponse.FromString(answer.content)
        if not told.HasField("partial_success"):
            return None
        return told.partial_success.rejected_spans, told.partial_success.error_message
    said = answer.json()
    assert said.keys() <= {"partialSuccess"}
    if not said:
        return None
    return int(said["partialSuccess"]["rejectedSpans"]), said["partialSuccess"]["errorMessage"]


def failure(answer: Any, media: str) -> tuple[int, str]:
    """The message of an answer that tells of a failure, and gRPC's code."""
    assert answer.headers["content-type"] == media
    if media == PROTOBUF:
        status = Status.FromString(answer.content)
        return status.code, status.message
    return answer.json()["code"], answer.json()["message"]


@media
@pytest.mark.parametrize("packing", PACKINGS)
def test_an_export_is_in_the_ledger_when_it_is_answered(
    media: str, packing: str, client: TestClient, embedded: Ledger
) -> None:
    body = PACKINGS[packing](ENCODINGS[media](request(span(1), span(2))))
    headers = {"content-type": f"{media}; charset=utf-8", "content-encoding": packing}
    answer = client.post("/v1/traces", content=body, headers=headers)
    assert partial(answer, media) is None
    assert [call["input_tokens"] for call in kept(embedded)] == [100, 100]


@media
def test_an_export_without_calls_is_a_success(media: str, client: TestClient, embedded: Ledger) -> None:
    tool = span(1, with_={"gen_ai.operation.name": "execute_tool"})
    for spans in ((), (tool,)):
        assert partial(export(client, media, *spans), media) is None
    assert kept(embedded) == []


@media
def test_calls_that_cannot_be_counted_are_rejected_and_the_others_stored(
    media: str, client: TestClient, embedded: Ledger
) -> None:
    bad = span(2, with_={"gen_ai.usage.input_tokens": -1, "gen_ai.input.messages": "where is my parcel?"})
    worse = span(3, with_={"gen_ai.usage.cost": "dear"})
    tool = span(4, with_={"gen_ai.operation.name": "execute_tool"})
    told = partial(export(client, media, span(1), bad, worse, tool), media)
    assert told is not None
    rejected, reason = told
    assert rejected == 2
    assert reason.startswith(
        "2 of 3 model calls were rejected: gen_ai.usage.input_tokens is -1: a whole number"
    )
    assert 'gen_ai.usage.cost is "dear", an amount is expected (wrong_type)' in reason
    assert len(kept(embedded)) == 1
    with embedded.reading() as connection:
        rows = connection.execute(sa.select(rejected_record)).all()
    assert {(row.channel, row.code) for row in rows} == {("http", "impossible_count"), ("http", "wrong_type")}
    assert "parcel" not in str(rows)


@media
def test_an_export_of_nothing_but_faults_is_still_a_success(media: str, client: TestClient) -> None:
    spans = [span(n, with_={"gen_ai.usage.input_tokens": -n}) for n in range(1, 7)]
    told = partial(export(client, media, *spans), media)
    assert told is not None
    assert told[0] == 6
    assert told[1].count("impossible_count") == 3
    assert told[1].endswith("; ...")


@media
def test_an_export_sent_twice_counts_once(media: str, client: TestClient, embedded: Ledger) -> None:
    for _ in range(2):
        assert partial(export(client, media, span(1)), media) is None
    assert len(kept(embedded)) == 1
    assert 'outcome="duplicates"} 1.0' in client.get("/metrics").text


def test_the_encodings_and_the_other_way_in_meet(client: TestClient, embedded: Ledger) -> None:
    costly = span(1, with_={"gen_ai.usage.cost": 0.000_123_4, "gen_ai.response.time_to_first_chunk": 0.1})
    assert partial(export(client, PROTOBUF, costly), PROTOBUF) is None
    assert partial(export(client, JSON, costly), JSON) is None
    receipt = client.post("/v1/ingest", content=as_json(request(costly))).json()
    assert (receipt["accepted"], receipt["duplicates"], receipt["revised"]) == (0, 1, 0)
    assert len(kept(embedded)) == 1


def test_the_format_is_accepted_by_its_name(client: TestClient, embedded: Ledger) -> None:
    lines = b"\n".join(as_json(request(span(n))) for n in (1, 2))
    receipt = client.post("/v1/ingest/otel", content=lines).json()
    assert (receipt["accepted"], receipt["rejected"]) == (2, 0)
    assert len(kept(embedded)) == 2


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON, b""),
        (JSON, b"{"),
        (JSON, b"[]"),
        (JSON, b'{"resourceSpans": 1}'),
        (JSON, b"\xff\xfe"),
        (PROTOBUF, b'{"resourceSpans": []}'),
        (PROTOBUF, as_protobuf(request(span(1)))[:-3]),
    ],
    ids=str,
)
def test_what_cannot_be_decoded_is_final(
    media: str, body: bytes, client: TestClient, embedded: Ledger
) -> None:
    answer = client.post("/v1/traces", content=body, headers={"content-type": media})
    assert answer.status_code == 400
    assert "retry-after" not in answer.headers
    code, message = failure(answer, media)
    assert code == 3
    assert message
    assert kept(embedded) == []


def test_a_span_that_is_too_large_costs_no_other(
    client: TestClient, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protobuf, "LARGEST_MESSAGE", 2_000)
    said = partial(
        export(client, PROTOBUF, span(1), span(2, with_={"prompt": "x" * 3_000}), span(3)), PROTOBUF
    )
    assert said is not None
    assert said[0] == 1
    assert len(kept(embedded)) == 2


def test_more_spans_than_are_read_are_too_large(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MOST_MESSAGES", 10)
    answer = export(client, PROTOBUF, *(span(number) for number in range(1, 20)))
    assert answer.status_code == 413
    assert "at most 10 spans" in failure(answer, PROTOBUF)[1]


@media
def test_a_damaged_packing_is_final(media: str, client: TestClient) -> None:
    packed = gzip.compress(ENCODINGS[media](request(span(1))))
    for body in (packed[:-4], packed[:12] + b"damage" + packed[12:], b"plain"):
        answer = client.post(
            "/v1/traces", content=body, headers={"content-type": media, "content-encoding": "gzip"}
        )
        assert answer.status_code == 400
        assert "gzip" in failure(answer, media)[1]


@media
def test_a_body_over_the_limit_is_final(media: str, client: TestClient, embedded: Ledger) -> None:
    many = ENCODINGS[media](request(*(span(n) for n in range(1, 600))))
    assert len(many) > LIMIT
    padded = gzip.compress(ENCODINGS[media](request(span(1)))) + bytes(LIMIT)
    for body, encoding in ((many, "identity"), (gzip.compress(many), "gzip"), (padded, "gzip")):
        headers = {"content-type": media, "content-encoding": encoding}
        answer = client.post("/v1/traces", content=body, headers=headers)
        assert answer.status_code == 413
        assert f"larger than {LIMIT} bytes" in failure(answer, media)[1]
    assert kept(embedded) == []


@pytest.mark.parametrize(
    ("headers", "media"),
    [
        ({"content-type": "text/plain"}, JSON),
        ({"content-type": ""}, JSON),
        ({"content-type": PROTOBUF, "content-encoding": "br"}, PROTOBUF),
    ],
    ids=str,
)
def test_other_kinds_of_bodies_are_not_read(headers: dict[str, str], media: str, client: TestClient) -> None:
    answer = client.post("/v1/traces", content=b"x", headers=headers)
    assert answer.status_code == 415
    assert failure(answer, media)[0] == 3


@media
def test_who_has_to_wait_is_told_when_to_come_back(
    media: str, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUEUE", 0)
    answer = export(client, media, span(1))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert failure(answer, media)[0] == 14


def test_a_trace_request_that_finds_no_room_is_asked_to_come_later(embedded: Ledger) -> None:
    with TestClient(make_api(embedded, TIGHT)) as client:
        answer = client.post("/v1/traces", content=b"{" * 2**24, headers={"content-type": JSON})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "memory" in failure(answer, JSON)[1]


def test_room_is_free_again_after_each_trace_request(embedded: Ledger) -> None:
    with TestClient(make_api(embedded, TIGHT)) as client:
        for _ in range(3):
            broken = client.post("/v1/traces", content=b"x" * 5 * 2**20, headers={"content-type": JSON})
            assert broken.status_code == 400
            assert export(client, JSON, *(span(n) for n in range(1, 60))).status_code == 200
    assert len(kept(embedded)) == 59


@media
def test_a_ledger_that_is_locked_halfway_can_be_sent_everything_again(
    media: str, client: TestClient, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BATCH_RECORDS", 2)
    monkeypatch.setattr(limits, "RETRY_SECONDS", 0)
    commit = Intake.commit
    times = iter(range(100))

    def third_time_locked(self: Intake, batch: Any) -> Any:
        if next(times) == 2:
            raise LedgerBusy("database is locked")
        return commit(self, batch)

    monkeypatch.setattr(Intake, "commit", third_time_locked)
    spans = [span(n) for n in range(1, 8)]
    answer = export(client, media, *spans)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert len(kept(embedded)) == 4
    assert partial(export(client, media, *spans), media) is None
    assert len(kept(embedded)) == 7


@media
def test_an_error_of_ours_is_told_in_the_words_of_the_protocol(
    media: str, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("where is my parcel?")

    monkeypatch.setattr(Intake, "commit", explode)
    answer = export(client, media, span(1))
    assert answer.status_code == 500
    assert failure(answer, media) == (13, "Something went wrong here; the log says where.")


@media
def test_a_token_is_asked_for_in_the_words_of_the_protocol(media: str, embedded: Ledger) -> None:
    settings = Settings(admin_token=SecretStr("of the tests"))
    with TestClient(guarded(make_api(embedded, settings), embedded, settings, Rights(RIGHTS))) as client:
        refused = export(client, media, span(1))
        taken = export(client, media, span(1), authorization="Bearer of the tests")
    assert (refused.status_code, failure(refused, media)[0]) == (401, 16)
    assert partial(taken, media) is None


def test_a_key_of_the_request_names_the_calls_that_name_none(client: TestClient, embedded: Ledger) -> None:
    own = {"bifrost.virtual_key.id": "vk-own"}
    export(client, PROTOBUF, span(1), span(2, with_=own), x_bf_vk="sk-bf-0123456789abcdef")
    keys = sorted(call["virtual_key"] for call in kept(embedded))
    assert keys[1] == "vk-own"
    assert keys[0].startswith("key:v1:")


def test_other_methods_are_told_so(client: TestClient) -> None:
    answer = client.get("/v1/traces")
    assert (answer.status_code, failure(answer, JSON)[0]) == (405, 12)


def test_spans_that_are_no_records_are_counted(client: TestClient) -> None:
    tool = span(3, with_={"gen_ai.operation.name": "execute_tool"})
    export(client, PROTOBUF, span(1), span(2, parent=1), tool)
    told = client.get("/metrics").text
    assert 'tallybook_passed_over_spans_total{what="other"} 1.0' in told
    assert 'tallybook_records_total{outcome="accepted"} 1.0' in told
    assert 'tallybook_records_total{outcome="duplicates"} 1.0' in told


def test_any_order_and_split_of_an_export_gives_the_same_calls(
    fresh_ledger: Callable[[], Ledger],
) -> None:
    spans = [span(n, with_={"gen_ai.usage.input_tokens": 10 * n}) for n in range(1, 7)]
    found = []
    for parts in ([spans], [[one] for one in reversed(spans)], [spans[3:], spans[:4], spans]):
        ledger = fresh_ledger()
        with TestClient(make_api(ledger, SETTINGS)) as client:
            for part in parts:
                assert partial(export(client, JSON, *part), JSON) is None
        found.append(
            sorted(
                (call["source_event_id"], call["input_tokens"], call["total_cost"]) for call in kept(ledger)
            )
        )
        ledger.close()
    assert found[0] == found[1] == found[2]
