"""Decompression: a compressed stream becomes plain bytes, piece by piece, in bounded memory.

Plain, gzip (any number of members) and zstd (any number of frames). Compressed input is processed in small
slices, so that no step produces more than `LARGEST_STEP` bytes at any compression ratio, and a limit is
enforced before a decompression bomb fills the memory. A caller gets at most `LARGEST_PIECE` bytes at a time,
and the work is linear in the bytes, whatever they are: members or frames that hold nothing are damage where
they are many in a row.
"""

import zlib
from collections.abc import Iterator
from typing import Final, Literal, Protocol, cast, get_args

import zstandard

Encoding = Literal["identity", "gzip", "zstd"]

LARGEST_STEP: Final = 32 * 2**20
"""The largest output of a slice: four bytes of zstd can be 128 KiB of one repeated byte."""

LARGEST_PIECE: Final = 2**18
"""The most bytes that are handed on at a time."""

MOST_BARREN: Final = 1_000
"""Members or frames in a row without a byte in them; with more the stream is damaged."""

_SLICES: Final = {"gzip": 4_096, "zstd": 1_024}
"""Bytes of input that are processed at a time. Each member or frame copies the rest of its slice."""
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS
HTTP_WINDOW: Final = 8 * 2**20
"""The largest window of zstd over HTTP: RFC 9659 wants a receiver to support so much."""
_FILE_WINDOW: Final = 128 * 2**20  # the default limit of the zstd command

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = b"\x2a\x4d\x18"  # after one byte from 0x50 to 0x5f
_LONGEST_MAGIC: Final = 4


class TooLarge(ValueError):
    """The decompressed stream is larger than the limit."""


class Unreadable(ValueError):
    """The stream is damaged or ends too early. All readable bytes before have been returned."""


class _Frame(Protocol):
    """A gzip member or zstd frame while it is decompressed."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Decompressor:
    """Decompresses one stream, which is passed in pieces.

    The iterator of each `feed` must be read to its end, or the rest of that input is lost.
    """

    def __init__(
        self, encoding: Encoding | None, limit: int | None = None, window: int = _FILE_WINDOW
    ) -> None:
        """Without `encoding` it is detected from the first bytes. `limit` bounds the decompressed size."""
        self._encoding = encoding
        self._limit = limit
        self._window = window
        self._head = b""
        self._frame: _Frame | None = None
        self._zstd: zstandard.ZstdDecompressor | None = None  # one for all frames: making it takes longest
        self._begun = False
        self._barren = 0  # members or frames in a row that held nothing
        self._unpacked = 0
        self.held = 0
        """Bytes of a step that are unpacked and kept until all of them are handed on."""

    @classmethod
    def for_encoding(cls, name: str, limit: int | None = None) -> "Decompressor":
        """A decompressor for a Content-Encoding; for "" the encoding is detected from the first bytes.

        Raises:
            LookupError: the encoding is not supported.
        """
        name = name.strip().lower()
        if name == "x-gzip":
            name = "gzip"
        if name and name not in get_args(Encoding):
            raise LookupError(f"content encoding {name[:40]!r} is not read here; use gzip, zstd or none")
        return cls(cast(Encoding, name) if name else None, limit, HTTP_WINDOW)

    @classmethod
    def detecting(cls, limit: int | None = None) -> "Decompressor":
        """A decompressor for files, which detects the encoding from the first bytes."""
        return cls(None, limit)

    @property
    def is_compressed(self) -> bool:
        """Whether the stream is compressed, as far as it has been detected."""
        return self._encoding not in {None, "identity"}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decompressed bytes of `data`, in pieces of bounded size.

        Raises:
            TooLarge: the stream is larger than the limit; the pieces before are valid.
            Unreadable: the stream is damaged here; the pieces before are valid.
        """
        if self._encoding is None:
            self._head += data
            if len(self._head) < _LONGEST_MAGIC:
                return
            data, self._encoding = self._head, _encoding_of(self._head)
        for piece in self._pieces(data):
            self._unpacked += len(piece)
            if self._limit is not None and self._unpacked > self._limit:
                raise TooLarge(f"the body is larger than {self._limit} bytes when unpacked")
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        """The last bytes: the whole stream, where it is too short to detect its encoding.

        Raises:
            Unreadable: the stream ends in the middle.
        """
        if self._encoding is None:
            if self._head.startswith(_GZIP_MAGIC):
                raise Unreadable("the gzip stream ends too early")
            yield self._head
        elif self._frame is not None:
            raise Unreadable(f"the {self._encoding} stream ends too early")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self._encoding is None or self._encoding == "identity":
            yield from _in_pieces(data)
            return
        for unpacked in self._frames(data, _SLICES[self._encoding]):
            self.held = len(unpacked) if len(unpacked) > LARGEST_PIECE else 0  # else it is the piece itself
            yield from _in_pieces(unpacked)
            self.held = 0

    def _frames(self, data: bytes, slice_size: int) -> Iterator[bytes]:
        for start in range(0, len(data), slice_size):
            rest = self._without_padding(data[start : start + slice_size])
            while rest:
                frame = self._frame = self._frame or self._next_frame()
                try:
                    unpacked = frame.decompress(rest)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise Unreadable(f"the {self._encoding} stream is damaged: {error}") from error
                yield unpacked
                self._barren = 0 if unpacked else self._barren
                rest = frame.unused_data
                if frame.eof:
                    self._frame = None
                    self._count_barren(empty=not unpacked)
                    rest = self._without_padding(rest)

    def _count_barren(self, *, empty: bool) -> None:
        """Count a member or frame that has ended without a byte since the last output."""
        self._barren += empty
        if self._barren > MOST_BARREN:
            reason = f"it holds more than {MOST_BARREN:,} empty parts in a row"
            raise Unreadable(f"the {self._encoding} stream is damaged: {reason}")

    def _next_frame(self) -> _Frame:
        self._begun = True
        if self._encoding == "gzip":
            return _GzipMember()
        if self._zstd is None:
            self._zstd = zstandard.ZstdDecompressor(max_window_size=self._window)
        return cast(_Frame, self._zstd.decompressobj())

    def _without_padding(self, data: bytes) -> bytes:
        """`data` without zeros after a gzip member, with which tapes and block devices pad it."""
        is_between_members = self._begun and self._frame is None
        return data.lstrip(b"\0") if is_between_members and self._encoding == "gzip" else data


class _GzipMember:
    """A zlib object as a `_Frame`. Input that exceeds a step is returned as unused."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WRAPPER)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def decompress(self, data: bytes, /) -> bytes:
        return self._inflate.decompress(data, LARGEST_PIECE)


def _in_pieces(data: bytes) -> Iterator[bytes]:
    """The bytes in pieces of at most `LARGEST_PIECE`."""
    if len(data) <= LARGEST_PIECE:
        yield data
        return
    for start in range(0, len(data), LARGEST_PIECE):
        yield data[start : start + LARGEST_PIECE]


def _encoding_of(head: bytes) -> Encoding:
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    skippable = head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F  # noqa: PLR2004
    return "zstd" if head.startswith(_ZSTD_MAGIC) or skippable else "identity"
