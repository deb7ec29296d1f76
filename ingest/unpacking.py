"""Unpacking: a compressed stream becomes plain bytes, piece by piece, in bounded memory.

Plain, gzip (any number of members) and zstd (any number of frames). Compressed input is taken in small slices, so that
no step makes more than `LARGEST_STEP` bytes however well its input is packed, and a limit is noticed before a bomb
has been spread out in memory.
"""

import zlib
from collections.abc import Iterator
from typing import Final, Literal, Protocol, cast, get_args

import zstandard

Encoding = Literal["identity", "gzip", "zstd"]

LARGEST_STEP: Final = 32 * 2**20
"""What `_ZSTD_SLICE` bytes can grow to: zstd writes 128 KiB of one byte as four bytes."""

_ZSTD_SLICE: Final = 1024
_GZIP_STEP: Final = 2**20
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS
_HTTP_WINDOW: Final = (
    8 * 2**20
)  # RFC 9659: what a receiver of Content-Encoding: zstd must hold, and need not exceed
_FILE_WINDOW: Final = 128 * 2**20  # what the zstd command unpacks without being asked

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = b"\x2a\x4d\x18"  # after one byte from 0x50 to 0x5f
_LONGEST_MAGIC: Final = 4


class TooLarge(ValueError):
    """The stream unpacks to more than the limit."""


class Unreadable(ValueError):
    """The stream is damaged or ends too early. All that was readable before has been delivered."""


class _Frame(Protocol):
    """One gzip member or zstd frame that is being unpacked."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Unpacker:
    """Unpacks one stream that is pushed in.

    Every call of `feed` must be read to its end, or the rest of that input is lost.
    """

    def __init__(
        self, encoding: Encoding | None, limit: int | None = None, window: int = _FILE_WINDOW
    ) -> None:
        """`encoding` None means: find out from the first bytes. `limit` bounds the unpacked size."""
        self._encoding = encoding
        self._limit = limit
        self._window = window
        self._head = b""
        self._frame: _Frame | None = None
        self._begun = False
        self._unpacked = 0

    @classmethod
    def for_encoding(cls, name: str, limit: int | None = None) -> "Unpacker":
        """An unpacker for a Content-Encoding; "" means that there is none, and the first bytes tell.

        Raises:
            LookupError: the encoding is none that is read here.
        """
        name = name.strip().lower()
        if name == "x-gzip":
            name = "gzip"
        if name and name not in get_args(Encoding):
            raise LookupError(f"content encoding {name[:40]!r} is not read here; use gzip, zstd or none")
        return cls(cast(Encoding, name) if name else None, limit, _HTTP_WINDOW)

    @classmethod
    def sniffed(cls, limit: int | None = None) -> "Unpacker":
        """An unpacker that finds out from the first bytes how the stream is packed, for files."""
        return cls(None, limit)

    @property
    def is_packed(self) -> bool:
        """Whether the stream is packed at all, as far as it has come."""
        return self._encoding not in {None, "identity"}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes that `data` adds, in pieces of bounded size.

        Raises:
            TooLarge: the stream has grown past the limit; the pieces before stay good.
            Unreadable: the stream is damaged here; the pieces before stay good.
        """
        if self._encoding is None:
            self._head += data
            if len(self._head) < _LONGEST_MAGIC:
                return
            data, self._encoding = self._head, _sniff(self._head)
        for piece in self._pieces(data):
            self._unpacked += len(piece)
            if self._limit is not None and self._unpacked > self._limit:
                raise TooLarge(f"the body is larger than {self._limit} bytes when unpacked")
            if piece:
                yield piece

    def finish(self) -> Iterator[bytes]:
        """What was held back to the end: the whole of a stream that is too short to tell what it is.

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
        if self._encoding == "identity":
            yield data
        elif self._encoding == "gzip":
            yield from self._frames(data, len(data) or 1)
        else:
            yield from self._frames(data, _ZSTD_SLICE)

    def _frames(self, data: bytes, slice_size: int) -> Iterator[bytes]:
        for start in range(0, len(data), slice_size):
            rest = self._without_padding(data[start : start + slice_size])
            while rest:
                frame = self._frame = self._frame or self._next_frame()
                try:
                    yield frame.decompress(rest)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise Unreadable(f"the {self._encoding} stream is damaged: {error}") from error
                rest = frame.unused_data
                if frame.eof:
                    self._frame = None
                    rest = self._without_padding(rest)

    def _next_frame(self) -> _Frame:
        self._begun = True
        if self._encoding == "gzip":
            return _GzipMember()
        return cast(_Frame, zstandard.ZstdDecompressor(max_window_size=self._window).decompressobj())

    def _without_padding(self, data: bytes) -> bytes:
        """Tapes and block devices pad a gzip member with zeros."""
        between = self._begun and self._frame is None
        return data.lstrip(b"\0") if between and self._encoding == "gzip" else data


class _GzipMember:
    """A zlib object in the manner of `_Frame`: input that does not fit a step is unused for the time being."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WRAPPER)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def decompress(self, data: bytes, /) -> bytes:
        return self._inflate.decompress(data, _GZIP_STEP)


def _sniff(head: bytes) -> Encoding:
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    skippable = head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F  # noqa: PLR2004
    return "zstd" if head.startswith(_ZSTD_MAGIC) or skippable else "identity"
