"""Archives: zip and tar files as the files in them. No file is written to disk under a name from an archive.

A zip archive is read by its directory, a tar archive (compressed or not) from start to end. A file that is
damaged, encrypted or compressed by an unknown method becomes an unreadable source, so that the other files
are still read.
"""

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, cast

from ingest.files.paths import PrefixedStream, SizeBudget, Source, is_archive, is_record_file, spool_to_file
from ingest.framing.decompression import Decompressor, Unreadable

LARGEST_RATIO: Final = 250
"""Logs compress to a tenth or a thirtieth. A file above this ratio is a decompression bomb."""
ALWAYS_ALLOWED: Final = 2**30

_HEAD: Final = 2**16
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_TAR: Final = slice(257, 262)
_TAR_END: Final = "EOFHeaderError"
"""The error of `tarfile` at the end of a complete archive. Any other header error is damage."""
_WORKBOOK: Final = "[Content_Types].xml"
_READ_SIZE: Final = 2**18
_ENCRYPTED: Final = 1


def members(source: Source) -> Generator[Source]:
    """The files of a source: itself, or the files in the archive. Read each file before the next."""
    try:
        file = source.open()
        head = _read(file, _HEAD)
    except (OSError, Unreadable) as error:
        yield _unreadable_source(source, _message(error))
        return
    source = replace(source, seekable=source.seekable and file.seekable())
    rewound = _rewind(source, head, file)
    files = _zip_members if head.startswith(_ZIP) else _tar_members if _is_tar(head) else None
    if files is None:
        yield replace(source, open=lambda: rewound)  # the caller closes it
        return
    try:
        yield from files(source, rewound)
    finally:
        if source.identifiable:
            file.close()


def _rewind(source: Source, head: bytes, file: BinaryIO) -> BinaryIO:
    if not source.seekable:
        return cast(BinaryIO, PrefixedStream(head, file))
    file.seek(0)
    return file


def _zip_members(source: Source, file: BinaryIO) -> Iterator[Source]:
    if not source.seekable:
        with closing(spool_to_file(file)) as spool:
            yield from _zip_members(replace(source, seekable=True), spool)
        return
    size = file.seek(0, io.SEEK_END)
    budget = SizeBudget(max(ALWAYS_ALLOWED, size * LARGEST_RATIO))
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            names = [entry.filename for entry in entries]
            for entry in entries:
                if _is_readable(entry.filename) and not budget.is_spent:
                    yield _member(
                        source, entry.filename, entry.file_size, _zip_opener(archive, entry), budget
                    )
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        yield _unreadable_source(source, f"the zip archive is damaged: {_message(error)}")
        return
    if not any(map(_is_readable, names)):
        reason = (
            "this is a workbook: save its sheet as CSV"
            if _WORKBOOK in names
            else "no file of records is in it"
        )
        yield _unreadable_source(source, reason)


def _zip_opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], Any]:
    def unzip() -> Any:
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("it is encrypted: unpack the archive with its password first")
        return archive.open(entry)

    return unzip


def _tar_members(source: Source, file: BinaryIO) -> Iterator[Source]:
    budget = SizeBudget(max(ALWAYS_ALLOWED, (source.size or 0) * LARGEST_RATIO))
    has_files = False
    try:
        with tarfile.open(fileobj=_DecompressedStream(file), mode="r|", tarinfo=_TarEntry) as archive:
            for entry in archive:
                if entry.isfile() and _is_readable(entry.name) and not budget.is_spent:
                    has_files = True
                    yield _member(source, entry.name, entry.size, _tar_opener(archive, entry), budget)
    except (tarfile.TarError, OSError, ValueError) as error:
        yield _unreadable_source(source, f"the tar archive is damaged here: {_message(error)}")
        return
    if not has_files:
        yield _unreadable_source(source, "no file of records is in it")


def _tar_opener(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], Any]:
    return lambda: archive.extractfile(entry)


def _is_readable(name: str) -> bool:
    path = PurePosixPath(name)
    return is_record_file(path) or is_archive(path)


def _member(
    source: Source, name: str, size: int, open_member: Callable[[], Any], budget: SizeBudget
) -> Source:
    path = f"{source.path}/{name}"

    def open_it() -> BinaryIO:
        if is_archive(PurePosixPath(name)):
            raise Unreadable("an archive in an archive is not read: unpack the outer one first")
        return cast(BinaryIO, _MemberStream(open_member))

    return Source(path, size, open_it, budget=budget)


def _unreadable_source(source: Source, reason: str) -> Source:
    def fail() -> BinaryIO:
        raise Unreadable(reason)

    return Source(source.path, None, fail, identifiable=False)


def _message(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _read(file: BinaryIO, size: int) -> bytes:
    """The first `size` bytes, which a pipe returns in pieces."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _is_tar(head: bytes) -> bool:
    start = b""
    try:
        for piece in Decompressor.detecting().feed(head):
            start += piece
            if len(start) >= _TAR.stop:
                break
    except Unreadable:
        return False
    return start[_TAR] == b"ustar"


class _TarEntry(tarfile.TarInfo):
    """An entry of a tar archive. A damaged entry raises an error and is not taken for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_TarEntry":
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == _TAR_END:
                raise
            raise Unreadable(str(error)) from None


class _MemberStream(io.RawIOBase):
    """The stream of a file in an archive. Every error of decompression becomes `Unreadable`."""

    def __init__(self, open_member: Callable[[], Any]) -> None:
        self._file = self._guarded(open_member)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._guarded(lambda: self._file.read(size)))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _guarded(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Unreadable:
            raise
        except NotImplementedError:
            raise Unreadable("it is packed in a way that is not known here: pack it with deflate") from None
        except (
            OSError,
            EOFError,
            RuntimeError,
            ValueError,
            zlib.error,
            zipfile.BadZipFile,
            tarfile.TarError,
        ) as error:
            raise Unreadable(f"it is damaged: {_message(error)}") from None


class _DecompressedStream(io.RawIOBase):
    """A compressed stream as its decompressed bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._plain = self._decompressed()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        while not self._pending:
            piece = next(self._plain, None)
            if piece is None:
                return b""
            self._pending = piece
        data = self._pending if size < 0 else self._pending[:size]
        self._pending = self._pending[len(data) :]
        return data

    def _decompressed(self) -> Iterator[bytes]:
        decompressor = Decompressor.detecting()
        while compressed := self._file.read(_READ_SIZE):
            yield from decompressor.feed(compressed)
        yield from decompressor.finish()
