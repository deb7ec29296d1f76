"""Files as people have them: growing, cut, in Parquet, far away.

A record is never lost in silence nor counted twice.
"""

import datetime as dt
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files.archives import members
from ingest.files.object_store import redacted_url
from ingest.files.paths import NoSuchPath, sources
from ingest.files.reader import FileReader
from ingest.framing import RawRecord
from ingest.importing.importer import FileReport, Importer, ImportOptions
from ingest.ledger.engine import Ledger
from ingest.mapping import TableMapping
from tests.support.examples import examples

RESPONSE = '{"id": "r-%d", "model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}\n'
MAPPING = """
source = "sheet"
[event]
occurred_at = "when"
model = "model"
input_tokens = "tokens"
"""


def read(path: Path | str) -> tuple[list[Any], int | None]:
    """The records of one file, or their refusals' codes, and the line that was left."""
    source = next(members(sources([str(path)])[0]))
    with FileReader(source) as reading:
        records = [one for batch in reading.batches(3, lambda _: None) for one in batch]
    return [
        json.loads(record.raw, parse_float=Decimal) if isinstance(record, RawRecord) else record.refused.code
        for record in records
    ], reading.unfinished


def take(
    ledger: Ledger, path: Path | str, *, resume: bool = False, mapping: str | None = None
) -> list[FileReport]:
    mapped = TableMapping(mapping, "map.toml") if mapping else None
    options = ImportOptions(mapped.format if mapped else None, mapped, resume=resume)
    importer, reports = Importer(ledger, options), []
    for source in (member for one in sources([str(path)]) for member in members(one)):
        reports.append(FileReport(source.path))
        importer.run(source, reports[-1], lambda _size, _records: None)
    importer.finish()
    return reports


def counts(report: FileReport) -> tuple[int, int, int, int]:
    """Accepted, duplicates, rejected, skipped."""
    return report.receipt.accepted, report.receipt.duplicates, report.receipt.rejected, report.skipped


# Growing files


def test_a_last_line_that_is_not_whole_is_left_and_taken_when_it_is(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "growing.jsonl"
    whole = "".join(RESPONSE % n for n in range(900))
    path.write_text(whole[:-30])
    (first,) = take(embedded, path)
    assert (counts(first), first.unfinished) == ((899, 0, 0, 0), 900)
    path.write_text(whole + RESPONSE % 900)
    (second,) = take(embedded, path, resume=True)
    assert (counts(second), second.unfinished) == ((2, 0, 0, 899), None)


def test_a_line_without_its_line_feed_is_taken_if_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n{"b": 2}')
    assert read(path) == ([{"a": 1}, {"b": 2}], None)


def test_a_row_that_was_cut_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for cut in ("1", '1,"m'):
        path.write_text("id,model\n0,m\n" + cut)
        assert read(path) == ([{"id": "0", "model": "m"}], 3)
    path.write_text("id,model\n0,m\n1,m")
    assert read(path) == ([{"id": "0", "model": "m"}, {"id": "1", "model": "m"}], None)


def test_a_file_that_grows_while_it_is_read_is_read_to_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,model\n" + "0,m\n" * 100_000 + "1,gpt-4")
    source = next(members(sources([str(path)])[0]))
    with FileReader(source) as reading, path.open("a") as writer:
        batches = reading.batches(1000, lambda _: None)
        records = list(next(batches))
        writer.write("o\n" + "2,m\n" * 100_000)
        writer.flush()
        records += [one for batch in batches for one in batch]
    assert len(records) == 100_000
    assert reading.unfinished == 100_002


def test_a_cut_line_in_what_cannot_grow_is_refused(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"b": '))
    assert read(path) == ([{"a": 1}, "incomplete"], None)
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"b": 2}\n' * 99)[:-9])
    assert read(path)[0][-1] == "unreadable"


def test_an_import_resumes_where_a_packed_file_was_cut(embedded: Ledger, tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress("".join(RESPONSE % n for n in range(60_000)).encode(), compresslevel=1)
    path.write_bytes(whole[: len(whole) // 2])
    (first,) = take(embedded, path)
    path.write_bytes(whole)
    (second,) = take(embedded, path, resume=True)
    assert first.receipt.rejected == 2, "the cut line, and the end of the stream"
    assert second.receipt.duplicates == second.receipt.rejected == 0
    assert second.skipped + second.receipt.accepted == 60_000


@examples(5)
@given(
    st.lists(st.sampled_from(["2026-10-01,m,5", "2026-10-02,m,6", "2026-10-02,m,x", ",,"]), max_size=12),
    st.data(),
)
def test_half_of_a_table_and_then_all_of_it_gives_the_same_ledger(
    fresh_ledger: Callable[[], Ledger],
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[str],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("half")
    whole = "when,model,tokens\n" + "".join(f"{row}\n" for row in rows)
    half = data.draw(st.integers(0, len(rows)))
    (folder / "a.csv").write_text("".join(whole.splitlines(keepends=True)[: half + 1]))
    (folder / "b.csv").write_text(whole)
    mapping = MAPPING + '[time]\nzone = "UTC"\n'
    in_one, in_two = fresh_ledger(), fresh_ledger()
    for name, ledger in (("b.csv", in_one), ("a.csv", in_two), ("b.csv", in_two), ("b.csv", in_two)):
        take(ledger, folder / name, mapping=mapping)
    assert facts(in_one) == facts(in_two)
    in_one.close()
    in_two.close()


def facts(ledger: Ledger) -> list[Any]:
    import sqlalchemy as sa

    from ingest.ledger.tables.calls import usage_event as e

    query = sa.select(e.c.event_id, e.c.occurred_at, e.c.input_tokens).order_by(e.c.event_id)
    with ledger.reading() as connection:
        return list(connection.execute(query))


# Mappings in an import


def test_a_mapping_reads_a_table_and_one_for_another_table_refuses_it(
    embedded: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("when,model,tokens\n2026-10-01T00:00Z,gpt-4o,5\n2026-10-01T00:00Z,gpt-4o,5\n")
    (report,) = take(embedded, path, mapping=MAPPING)
    assert counts(report) == (2, 0, 0, 0), "equal rows are two calls"
    assert report.formats == {"mapping:sheet"}
    (other,) = take(embedded, path, mapping=MAPPING.replace('"tokens"', '"tokns"'))
    assert [(one.line, one.code, one.field) for one in other.receipt.rejections] == [
        (1, "missing_column", "tokns")
    ]


def test_another_mapping_of_the_same_file_does_not_resume_the_first(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,when,model,tokens\n1,2026-10-01T00:00Z,gpt-4o,5\n")
    keyed = MAPPING + 'event_id = "id"\n'
    (first,) = take(embedded, path, mapping=keyed)
    (again,) = take(embedded, path, mapping=keyed, resume=True)
    (other,) = take(embedded, path, mapping=keyed.replace("sheet", "ledger"), resume=True)
    assert [counts(one) for one in (first, again, other)] == [(1, 0, 0, 0), (0, 0, 0, 1), (1, 0, 0, 0)]


@pytest.mark.slow
def test_a_mapping_reaches_the_workers(embedded: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"2026-10-01T00:00Z,gpt-4o,{n}\n" for n in range(20_000))
    path.write_text("when,model,tokens\n" + rows + "2026-10-01T00:00Z,gpt-4o,x\n")
    (report,) = take(embedded, path, mapping=MAPPING)
    assert counts(report) == (20_000, 0, 1, 0)
    assert report.receipt.rejections[0].line == 20_002


# Parquet


def test_a_row_of_parquet_is_exact(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    when = dt.datetime(2026, 10, 1, 12, 30, 0, 123456)  # noqa: DTZ001 - the case of no zone
    table = pa.table({
        "id": pa.array([1, None], pa.uint64()),
        "cost": pa.array([Decimal("0.000000000012345678"), None], pa.decimal128(30, 18)),
        "single": pa.array([0.1, None], pa.float32()),
        "double": pa.array([0.1, float("nan")], pa.float64()),
        "local": pa.array([when, None], pa.timestamp("ns")),
        "zoned": pa.array([when.replace(tzinfo=dt.UTC), None], pa.timestamp("ms", "Europe/Berlin")),
        "day": pa.array([when.date(), None], pa.date32()),
        "took": pa.array([dt.timedelta(milliseconds=5), None], pa.duration("ms")),
        "model": pa.array(["gpt-4o", None]).dictionary_encode(),
        "usage": pa.array([{"prompt_tokens": 5, "at": [when]}, None], pa.struct([("prompt_tokens", pa.int32()), ("at", pa.list_(pa.timestamp("ns")))])),
        "labels": pa.array([[("a", "b")], None], pa.map_(pa.string(), pa.string())),
    })  # fmt: skip
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    (first, second), _ = read(path)
    assert first == {
        "id": 1,
        "cost": Decimal("1.2345678e-11"),
        "single": "0.1",
        "double": Decimal("0.1"),
        "local": "2026-10-01T12:30:00.123456",
        "zoned": "2026-10-01T14:30:00.123000+02:00",
        "day": "2026-10-01",
        "took": 5_000,
        "model": "gpt-4o",
        "usage": {"prompt_tokens": 5, "at": ["2026-10-01T12:30:00.123456"]},
        "labels": {"a": "b"},
    }
    assert second == {"double": None}


def test_a_time_beyond_the_calendar_costs_its_row_of_parquet_alone(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    far = pa.array([0, 10**18, 1_000], pa.int64()).cast(pa.timestamp("ms"), safe=False)
    pq.write_table(pa.table({"when": far}), tmp_path / "a.parquet")
    first, refused, third = read(tmp_path / "a.parquet")[0]
    assert (first, third) == ({"when": "1970-01-01T00:00:00"}, {"when": "1970-01-01T00:00:01"})
    assert refused == "unreadable_record"


def test_parquet_is_read_from_folders_archives_and_pipes_and_refused_when_it_is_damaged(
    embedded: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa = pytest.importorskip("pyarrow")
    import io
    import zipfile

    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    rows = {"when": ["2026-10-01T00:00Z"] * 5000, "model": ["gpt-4o"] * 5000, "tokens": list(range(5000))}
    pq.write_table(pa.table(rows), path, row_group_size=700)
    (report,) = take(embedded, tmp_path, mapping=MAPPING)
    assert counts(report) == (5000, 0, 0, 0)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(path, "in/a.parquet")
    (packed,) = take(embedded, tmp_path / "b.zip", mapping=MAPPING)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    (piped,) = take(embedded, "-", mapping=MAPPING)
    assert counts(packed) == counts(piped) == (0, 5000, 0, 0)
    path.write_bytes(path.read_bytes()[:-20])
    assert read(path) == (["unreadable"], None)


def test_without_the_package_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 20)
    with FileReader(sources([str(tmp_path / "a.parquet")])[0]) as reading:
        ((only,),) = reading.batches(9, lambda _: None)
    assert not isinstance(only, RawRecord)
    assert only.refused.reason == "reading Parquet needs pyarrow: pip install 'tallybook[parquet]'"


# Far away


class Shelf(http.server.BaseHTTPRequestHandler):
    """A web server of few files: `/ranged/` answers ranges, `/plain/` does not; all want a password."""

    files: dict[str, bytes] = {}  # noqa: RUF012 - one shelf for all requests

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        content = self.files.get(path.rpartition("/")[2])
        if self.headers.get("Authorization") != "Basic bWU6aHVzaA==" or content is None:
            self.send_error(401 if content is not None else 404)
            return
        asked = self.headers.get("Range") if path.startswith("/ranged/") else None
        if asked:
            first, last = (int(edge) for edge in asked.removeprefix("bytes=").split("-"))
            last = min(last, len(content) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            content = content[first : last + 1]
        else:
            self.send_response(200)
        if path.startswith("/ranged/"):
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    pytest.importorskip("aiohttp")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://me:hush@127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    Shelf.files.clear()


@pytest.mark.parametrize("kind", ["ranged", "plain"])
def test_files_are_read_over_http_and_their_credentials_not_kept(
    embedded: Ledger, tmp_path: Path, web: str, kind: str
) -> None:
    import zipfile

    lines = "".join(RESPONSE % n for n in range(300)).encode()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in.jsonl", lines)
    Shelf.files.update({"calls.jsonl": lines, "x.zip": (tmp_path / "x.zip").read_bytes()})
    (report,) = take(embedded, f"{web}/{kind}/calls.jsonl?signature=hush")
    assert counts(report) == (300, 0, 0, 0)
    (packed,) = take(embedded, f"{web}/{kind}/x.zip")
    assert counts(packed) == (0, 300, 0, 0)
    bare = web.replace("me:hush@", "")
    assert (report.path, packed.path) == (f"{bare}/{kind}/calls.jsonl", f"{bare}/{kind}/x.zip/in.jsonl")
    for file in tmp_path.glob("ledger.db*"):
        assert b"hush" not in file.read_bytes()


def test_a_url_that_leads_nowhere_is_told_without_its_credentials(web: str) -> None:
    for url, message in (
        (f"{web}/ranged/nothing.jsonl?sig=hush", "there is no such file"),
        (web.replace("hush", "hushed") + "/ranged/calls.jsonl", "401"),
        ("http://me:hush@127.0.0.1:9/x.jsonl?sig=hush", "127.0.0.1:9/x.jsonl: "),
    ):
        Shelf.files["calls.jsonl"] = b""
        with pytest.raises(NoSuchPath) as caught:
            sources([url])
        assert message in str(caught.value)
        assert "hush" not in str(caught.value)


def test_object_stores_give_files_folders_and_patterns(embedded: Ledger) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for n in range(3):
        store.pipe_file(f"/logs/2026/{n}.jsonl", (RESPONSE % n).encode())
    store.pipe_file("/logs/readme.md", b"#")
    try:
        assert [counts(one) for one in take(embedded, "memory://logs")] == [(1, 0, 0, 0)] * 3
        (report,) = take(embedded, "memory://logs/2026/1.jsonl")
        assert (report.path, counts(report)) == ("memory:///logs/2026/1.jsonl", (0, 1, 0, 0))
        assert len(take(embedded, "memory://logs/2026/[01].jsonl")) == 2
        with pytest.raises(NoSuchPath, match="memory://elsewhere: there is no such file"):
            sources(["memory://elsewhere"])
    finally:
        store.rm("/logs", recursive=True)


def test_a_store_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(NoSuchPath, match=r"s3://bucket/x.jsonl: .*pip install 'tallybook\[remote\]'"):
        sources(["s3://bucket/x.jsonl"])


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://u:p@h/x?token=t#f", "https://h/x"),
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
        ("s3://bucket/a?.jsonl", "s3://bucket/a?.jsonl"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_credential(url: str, bare: str) -> None:
    assert redacted_url(url) == bare


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{}\n")
    (source,) = sources([str(path)])
    os.remove(path)  # noqa: PTH107 - as others would
    with FileReader(next(members(source))) as reading:
        ((only,),) = reading.batches(9, lambda _: None)
    assert not isinstance(only, RawRecord)
    assert only.refused.reason == "No such file or directory"
