"""Tables of text: rows become records by column, however the bytes are cut and whoever wrote them."""

import codecs
import csv
import io
import json
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.framing import Framing, RawRecord, Record, Splitter
from tests.support.examples import examples

Seen = tuple[int, int, Any]

SHRAPNEL = st.lists(
    st.sampled_from(
        [*(bytes([byte]) for byte in b',;\t|"\n\r 1aZ'), b'""', b"\r\n", b'","', b"\xc3\xa9", b"\xe9"]
    ),
    max_size=40,
).map(b"".join)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)
EXCEL = pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])


def records_of(
    body: bytes, kind: Framing = "any", *, pieces: Sequence[int] = (), limit: int = 2**20
) -> list[Record]:
    splitter = Splitter(kind, assemble=b"|".join, max_record_bytes=limit)
    records: list[Record] = []
    edges = [0, *sorted(p % (len(body) + 1) for p in pieces), len(body)]
    for start, end in pairwise(edges):
        records += splitter.feed(body[start:end])
    records += splitter.finish()
    assert splitter.records == len(records)
    return records


def seen(records: Sequence[Record]) -> list[Seen]:
    return [
        (r.index, r.line, json.loads(r.raw) if isinstance(r, RawRecord) else r.refused.code) for r in records
    ]


def read(body: bytes | str, kind: Framing = "any", **how: Any) -> list[Seen]:
    return seen(records_of(body.encode() if isinstance(body, str) else body, kind, **how))


@examples(60)
@given(SHRAPNEL, st.lists(st.integers(0, 2**30)), st.sampled_from([b"a,b\n", b"a;b,c\n", b"a\tb\r\n", b""]))
def test_any_chunking_gives_the_same_rows(rest: bytes, pieces: list[int], header: bytes) -> None:
    body = header + rest
    whole = read(body, "csv", limit=25)
    assert read(body, "csv", limit=25, pieces=pieces) == whole
    assert read(body, "csv", limit=25, pieces=range(len(body))) == whole


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_what_a_writer_wrote_is_read(rows: list[list[str]], end: str, delimiter: str) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "model", "note"], *rows])
    expected = [
        {name: cell for name, cell in zip(("id", "model", "note"), row, strict=True) if cell.strip()}
        for row in rows
    ]
    values = [value for _, _, value in read(file.getvalue(), pieces=range(0, 10_000, 7))]
    assert values == [row for row in expected if row]


@EXCEL
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    body = delimiter.join(("id", "cost, in EUR", "model")) + "\n" + delimiter.join(("1", '"0,5"', "m")) + "\n"
    if delimiter == ",":
        body = body.replace("cost, in EUR", '"cost, in EUR"')
    assert read(body) == [(0, 2, {"id": "1", "cost, in EUR": "0,5", "model": "m"})]


def test_an_announced_delimiter_is_believed() -> None:
    assert read("sep=;\r\nid;cost\r\n1;0,5\r\n") == [(0, 3, {"id": "1", "cost": "0,5"})]


def test_quotes_hold_line_feeds_and_lines_stay_right() -> None:
    body = 'id,note\n1,"two\nlines ""quoted"", and a comma"\n\n2,5" disk\n'
    assert read(body) == [
        (0, 2, {"id": "1", "note": 'two\nlines "quoted", and a comma'}),
        (1, 5, {"id": "2", "note": '5" disk'}),
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"], ids=["utf-8", "with a mark", "utf-16", "western"]
)
def test_encodings_of_spreadsheets_are_read(encoding: str) -> None:
    body = "Schlüssel\tTeam\r\n1\tKüche\r\n".encode(encoding)
    for pieces in ((), range(len(body))):
        assert read(body, pieces=pieces) == [(0, 2, {"Schlüssel": "1", "Team": "Küche"})]


def test_lines_of_json_in_utf16_are_read() -> None:
    body = codecs.BOM_UTF16_LE + '{"a": "é"}\n{"b": 2}\n'.encode("utf-16-le")
    assert read(body, "auto", pieces=range(len(body))) == [(0, 1, {"a": "é"}), (1, 2, {"b": 2})]


def test_empty_cells_are_absent_and_empty_rows_are_no_records() -> None:
    assert read("id,model,cost\n1,, \n,,\n ,,\n") == [(0, 2, {"id": "1"})]


def test_a_ragged_row_is_refused_with_its_line_and_leaves_its_neighbours_alone() -> None:
    records = records_of(b"id,model\n1,a\n2\n3,a,b\n4,a,,\n")
    assert seen(records) == [
        (0, 2, {"id": "1", "model": "a"}),
        (1, 3, "ragged_row"),
        (2, 4, "ragged_row"),
        (3, 5, {"id": "4", "model": "a"}),
    ]


def test_columns_without_a_name_or_with_the_same_are_told_apart() -> None:
    assert read(",total,total,total_2\nr,1,2,3\n") == [
        (0, 2, {"column_1": "r", "total": "1", "total_2": "2", "total_2_2": "3"})
    ]


def test_a_last_row_needs_no_line_feed_but_its_quotes_closed() -> None:
    assert read("id,m\n1,a") == [(0, 2, {"id": "1", "m": "a"})]
    assert read('id,m\n1,"a') == [(0, 2, "incomplete")]


def test_an_open_quote_ends_at_the_limit_and_reading_goes_on_after_it() -> None:
    body = 'id,m\n1,"open\n' + "2,b\n" * 12
    records = read(body, limit=24)
    assert records[0] == (0, 2, "too_large")
    assert records[-1] == (len(records) - 1, 14, {"id": "2", "m": "b"})
    assert len(records) == 9


@pytest.mark.parametrize(
    "body", ["hello\nworld\n", "1,2\n3,4\n", "2026-01-01,5\n", '{"a": 1}\n', "x" * 3000 + ",b\n1,2\n", ""]
)
def test_what_has_no_row_of_names_on_top_is_no_table(body: str) -> None:
    splitter = Splitter("any", assemble=b"|".join)
    list(splitter.feed(body.encode()))
    list(splitter.finish())
    assert splitter.columns is None


def test_a_table_that_must_be_one_and_has_no_header_is_refused_once() -> None:
    assert read("1,2\n3,4\n", "csv") == [(0, 1, "no_header")]


def test_a_header_of_too_many_columns_is_refused_once() -> None:
    header = ",".join(f"c{n}" for n in range(4_001))
    for kind in ("csv", "any"):
        assert read(f"{header}\n" + "1," * 4_000 + "1\n", kind) == [(0, 1, "too_many_columns")]
    assert read(header * 9, "csv", limit=2**15) == [(0, 1, "too_many_columns")]
    blank = f"id,m{',' * 16_382}\n1,a{',' * 16_382}\n"  # as a spreadsheet writes its empty columns
    assert read(blank) == [(0, 2, {"id": "1", "m": "a"})]


def test_equal_names_of_columns_get_a_number_each() -> None:
    records = read("id,m,m,m_2,m\n1,2,3,4,5\n")
    assert records == [(0, 2, {"id": "1", "m": "2", "m_2": "3", "m_2_2": "4", "m_3": "5"})]


def test_nothing_is_read_where_a_thousand_rows_in_a_row_do_not_fit() -> None:
    good, ragged = "1,a\n", "1,2,3\n"
    records = read("id,m\n" + good + ragged * 999 + good + ragged * 5_000)
    assert len(records) == 2 + 999 + 1_000 + 1
    assert records[-2][2] == "ragged_row"
    assert records[-1] == (2_001, 2_002, "ragged_table")


def test_rows_of_a_piece_are_given_one_at_a_time() -> None:
    splitter = Splitter("csv", assemble=b"|".join)
    rows = splitter.feed(b"id,m\n" + b"1,a\n" * 1_000)
    assert next(rows).line == 2
    assert splitter.records == 1


def test_memory_stays_bounded_by_one_row() -> None:
    splitter = Splitter("csv", assemble=b"|".join, max_record_bytes=2**16)
    assert not list(splitter.feed(b"id,m\n"))
    piece = b'1,"' + b"x" * 2**20
    tracemalloc.start()
    for _ in range(64):
        for _record in splitter.feed(piece):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
