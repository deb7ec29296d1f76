"""Unpacking: what was packed comes out, whatever the pieces; a bomb and a damaged stream stop in time."""

import gzip
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest.framing.decompression import (
    LARGEST_PIECE,
    LARGEST_STEP,
    MOST_BARREN,
    Decompressor,
    TooLarge,
    Unreadable,
)

TEXT = b"".join(b'{"id":"%d","usage":{"prompt_tokens":%d}}\n' % (n, n * n) for n in range(5000))
SKIPPABLE = b"\x5a\x2a\x4d\x18\x04\0\0\0abcd"

PACKED = {
    "plain": ("identity", TEXT),
    "gzip": ("gzip", gzip.compress(TEXT)),
    "gzip members": ("gzip", gzip.compress(TEXT[:99]) + gzip.compress(b"") + gzip.compress(TEXT[99:])),
    "gzip padded": ("x-gzip", gzip.compress(TEXT) + b"\0" * 512),
    "zstd": ("zstd", zstandard.compress(TEXT)),
    "zstd frames": (
        "zstd",
        SKIPPABLE + zstandard.compress(TEXT[:99]) + zstandard.compress(TEXT[99:]) + SKIPPABLE,
    ),
}


def unpacked(unpacker: Decompressor, packed: bytes, size: int) -> bytes:
    pieces = [p for start in range(0, len(packed), size) for p in unpacker.feed(packed[start : start + size])]
    return b"".join([*pieces, *unpacker.finish()])


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_what_was_packed_comes_out(name: str, size: int) -> None:
    encoding, packed = PACKED[name]
    assert unpacked(Decompressor.for_encoding(encoding), packed, size) == TEXT
    assert unpacked(Decompressor.detecting(), packed, size) == TEXT


@given(st.binary(max_size=6))
def test_a_file_too_short_to_be_packed_is_plain(short: bytes) -> None:
    if not short.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        assert unpacked(Decompressor.detecting(), short, 1) == short


def test_another_encoding_is_not_guessed_at() -> None:
    with pytest.raises(LookupError, match="gzip, gzip"):
        Decompressor.for_encoding("gzip, gzip")


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
def test_the_limit_is_the_unpacked_size(name: str) -> None:
    encoding, packed = PACKED[name]
    assert unpacked(Decompressor.for_encoding(encoding, limit=len(TEXT)), packed, 1000) == TEXT
    with pytest.raises(TooLarge):
        unpacked(Decompressor.for_encoding(encoding, limit=len(TEXT) - 1), packed, 1000)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_not_spread_out_in_memory(encoding: str) -> None:
    zeros = b"\0" * 2**28
    bomb = gzip.compress(zeros, 9) if encoding == "gzip" else zstandard.compress(zeros, 19)
    del zeros
    tracemalloc.start()
    unpacker = Decompressor.for_encoding(encoding, limit=2**20)
    with pytest.raises(TooLarge):
        list(unpacker.feed(bomb))
    assert tracemalloc.get_traced_memory()[1] < LARGEST_STEP + 2**22
    assert all(len(piece) <= LARGEST_STEP + 2**17 for piece in Decompressor.for_encoding(encoding).feed(bomb))
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("encoding", "empty"),
    [("gzip", gzip.compress(b"")), ("zstd", zstandard.compress(b"")), ("zstd", SKIPPABLE)],
    ids=["members", "frames", "skippable frames"],
)
def test_parts_that_hold_nothing_are_damage_where_they_are_many_in_a_row(encoding: str, empty: bytes) -> None:
    part = gzip.compress(TEXT) if encoding == "gzip" else zstandard.compress(TEXT)
    allowed = part + (empty * (MOST_BARREN - 1) + part) * 2
    assert unpacked(Decompressor.for_encoding(encoding), allowed, 10**6) == TEXT * 3
    with pytest.raises(Unreadable, match="empty parts"):
        unpacked(Decompressor.for_encoding(encoding), part + empty * (MOST_BARREN + 1), 10**6)


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
def test_pieces_are_bounded_and_come_one_at_a_time(name: str) -> None:
    text = TEXT * 10
    packed = {"plain": text, "gzip": gzip.compress(text), "zstd": zstandard.compress(text)}[name]
    pieces = list(Decompressor.for_encoding(PACKED[name][0]).feed(packed))
    assert b"".join(pieces) == text
    assert max(map(len, pieces)) <= LARGEST_PIECE


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "overwritten", "followed by something else"])
def test_what_was_readable_is_delivered_before_the_damage(name: str, damage: str) -> None:
    encoding, packed = PACKED[name]
    twice = packed + packed
    broken = {
        "cut": twice[:-9],
        "overwritten": packed + b"garbage garbage" + packed,
        "followed by something else": packed + b"{}garbage",
    }[damage]
    pieces: list[bytes] = []

    def read() -> None:
        unpacker = Decompressor.for_encoding(encoding)
        pieces.extend(unpacker.feed(broken))
        pieces.extend(unpacker.finish())

    with pytest.raises(Unreadable):
        read()
    assert b"".join(pieces).startswith(TEXT)
