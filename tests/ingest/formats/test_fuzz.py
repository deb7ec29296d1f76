"""Every format's parser against odd JSON: its own samples with any value anywhere.

The samples come alone, in envelopes and as streams. Whatever comes, decoding gives events and rejections,
never an error; and no part of an event is larger than its whole.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import docs, stream
from ingest.formats.format import Format
from ingest.framing import RawRecord
from ingest.intake.decode import Context, Decoder
from ingest.ledger.key_hashes import KeyRing
from ingest.model.event import check
from ingest.model.rejection import Refused
from ingest.pricing.book import Book
from tests.support.examples import examples
from tests.support.ledgers import ARRIVAL
from tests.support.paths import FORMATS

FOLDER = FORMATS
DECODER = Decoder(KeyRing(b"a secret of the tests"), Book())
CONTEXT = Context(channel="http", received_at=ARRIVAL)

Route = tuple[str | int, ...]

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([0, -1, 1, 5.0, 0.5, 10**12, 10**12 + 1, 10**400, 1e308, -1e308, float("nan")]),
    st.sampled_from(
        ["", "0", "-1", "1e999", "nan", "2026-03-30T09:15:00", "9999-12-31T23:59:59Z", "\ud800\0"]
    ),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=6), st.none() | st.integers() | st.text(max_size=3), max_size=3),
)


def samples(one: Format) -> list[Any]:
    """The samples of a format, and the examples of its documentation: what is only refused has no others."""
    paths = sorted((FOLDER / one.name).glob("*.json"))
    texts = [path.read_text() for path in paths if not path.name.endswith(".expected.json")]
    documented = docs.examples(docs.section_of(one.name))
    texts += [text for text in documented if text.startswith("{") and formats.recognise(text.encode()) is one]
    return [json.loads(text) for text in texts]


def routes(value: Any, here: Route = ()) -> Iterator[Route]:
    """The ways to every value inside `value`, itself included."""
    yield here
    for step, inner in value.items() if isinstance(value, dict) else ():
        yield from routes(inner, (*here, step))
    for step, inner in enumerate(value) if isinstance(value, list) else ():
        yield from routes(inner, (*here, step))


def altered(value: Any, route: Route, odd: Any) -> Any:
    """`value` with something odd at the end of `route`."""
    if not route:
        return odd
    copy = value.copy()
    copy[route[0]] = altered(value[route[0]], route[1:], odd)
    return copy


@st.composite
def accidents(draw: st.DrawFn, values: list[Any]) -> Any:
    """One of `values` after up to three accidents."""
    value = draw(st.sampled_from(values))
    for _ in range(draw(st.integers(1, 3))):
        value = altered(value, draw(st.sampled_from(list(routes(value)))), draw(ODD))
    return value


def is_told(raw: bytes) -> bool:
    """Whether every record is an entry, a rejection or passed over, and the parts of each entry fit."""
    records = formats.unpack(raw)
    decoded = DECODER.decode([RawRecord(0, 1, raw)], CONTEXT)
    for one in (raw,) if records is None else records:
        if DECODER.decode([RawRecord(0, 1, one)], CONTEXT).entries:
            check(formats.read(one))
    told = all(rejection.code and rejection.reason for rejection in decoded.rejections)
    found = len(decoded.entries) + len(decoded.rejections) + decoded.passed_over
    return told and found == (1 if records is None else len(records))


@pytest.mark.parametrize("one", formats.FORMATS, ids=lambda one: one.name)
def test_every_format_has_samples(one: Format) -> None:
    assert samples(one)


@pytest.mark.parametrize("one", formats.FORMATS, ids=lambda one: one.name)
@examples(25)
@given(data=st.data())
def test_a_damaged_record_is_an_event_or_a_rejection(one: Format, data: st.DataObject) -> None:
    value = data.draw(accidents(samples(one)))
    within = data.draw(st.sampled_from([lambda inner: inner, lambda inner: {"team": "a", "response": inner}]))
    try:
        assert is_told(json.dumps(within(value)).encode())
    except Refused as refused:  # a page whose rows are no list
        assert refused.code  # noqa: PT017 - a refusal is one of two good answers


@pytest.mark.parametrize("path", sorted((FOLDER / "stream").glob("*.sse")), ids=lambda path: path.stem)
@examples(8)
@given(data=st.data())
def test_a_damaged_or_cut_stream_is_an_event_or_a_rejection(path: Path, data: st.DataObject) -> None:
    lines = [line.removeprefix("data: ") for line in path.read_text().splitlines()]
    chunks = [json.loads(line) for line in lines if line.startswith("{")]
    kept = chunks[: data.draw(st.integers(1, len(chunks)))]
    value = data.draw(accidents([kept]))
    if not isinstance(value, list):
        return
    try:
        record = stream.assemble([json.dumps(one).encode() for one in value])
    except Refused as refused:
        assert refused.reason  # noqa: PT017 - as above
        return
    assert is_told(record)
