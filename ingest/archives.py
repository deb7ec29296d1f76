"""Archives: zip and tar files as the files in them. Nothing is written to disk under a name that an archive gives.

A zip archive is read by its directory, a tar archive (packed or not) from its beginning to its end. What is damaged,
encrypted or packed in a way that is not known becomes a source that cannot be read, so that its neighbours still are.
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

from ingest.files import Allowance, Rejoined, Source, holds_files, holds_records, spooled
from ingest.unpacking import Unpacker, Unreadable

LARGEST_RATIO: Final = 250
"""Logs pack to a tenth or a thirtieth; what packs better than this is made to be unpacked."""
ALWAYS_ALLOWED: Final = 2**30

_HEAD: Final = 2**16
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_TAR: Final = slice(257, 262)
_TAR_END: Final = "EOFHeaderError"
"""What `tarfile` raises at the end of an archive that is whole; any other error of a header is damage."""
_WORKBOOK: Final = "[Content_Types].xml"
_PIECE: Final = 2**18
_ENCRYPTED: Final = 1


def members(source: Source) -> Generator[Source]:
    """The files that a source is: itself, or those in it. Each must be read before the next is asked for."""
    try:
        file = source.open()
        head = _read(file, _HEAD)
    except (OSError, Unreadable) as error:
        yield _unreadable(source, _said(error))
        return
    source = replace(source, seekable=source.seekable and file.seekable())
    whole = _rewound(source, head, file)
    files = _zipped if head.startswith(_ZIP) else _tarred if _is_tar(head) else None
    if files is None:
        yield replace(source, open=lambda: whole)  # whoever reads it closes it
        return
    try:
        yield from files(source, whole)
    finally:
        if source.named:
            file.close()


def _rewound(source: Source, head: bytes, file: BinaryIO) -> BinaryIO:
    if not source.seekable:
        return cast(BinaryIO, Rejoined(head, file))
    file.seek(0)
    return file


def _zipped(source: Source, file: BinaryIO) -> Iterator[Source]:
    if not source.seekable:
        with closing(spooled(file)) as spool:
            yield from _zipped(replace(source, seekable=True), spool)
        return
    size = file.seek(0, io.SEEK_END)
    allowance = Allowance(max(ALWAYS_ALLOWED, size * LARGEST_RATIO))
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            names = [one.filename for one in entries]
            for entry in entries:
                if _is_here(entry.filename) and not allowance.spent:
                    yield _member(
                        source, entry.filename, entry.file_size, _unzipper(archive, entry), allowance
                    )
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        yield _unreadable(source, f"the zip archive is damaged: {_said(error)}")
        return
    if not any(map(_is_here, names)):
        reason = (
            "this is a workbook: save its sheet as CSV"
            if _WORKBOOK in names
            else "no file of records is in it"
        )
        yield _unreadable(source, reason)


def _unzipper(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], Any]:
    def unzip() -> Any:
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("it is encrypted: unpack the archive with its password first")
        return archive.open(entry)

    return unzip


def _tarred(source: Source, file: BinaryIO) -> Iterator[Source]:
    allowance = Allowance(max(ALWAYS_ALLOWED, (source.size or 0) * LARGEST_RATIO))
    found = False
    try:
        with tarfile.open(fileobj=_Unpacked(file), mode="r|", tarinfo=_Entry) as archive:
            for entry in archive:
                if entry.isfile() and _is_here(entry.name) and not allowance.spent:
                    found = True
                    yield _member(source, entry.name, entry.size, _extractor(archive, entry), allowance)
    except (tarfile.TarError, OSError, ValueError) as error:
        yield _unreadable(source, f"the tar archive is damaged here: {_said(error)}")
        return
    if not found:
        yield _unreadable(source, "no file of records is in it")


def _extractor(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], Any]:
    return lambda: archive.extractfile(entry)


def _is_here(name: str) -> bool:
    path = PurePosixPath(name)
    return holds_records(path) or holds_files(path)


def _member(source: Source, name: str, size: int, opened: Callable[[], Any], allowance: Allowance) -> Source:
    path = f"{source.path}/{name}"

    def open_it() -> BinaryIO:
        if holds_files(PurePosixPath(name)):
            raise Unreadable("an archive in an archive is not read: unpack the outer one first")
        return cast(BinaryIO, _Member(opened))

    return Source(path, size, open_it, allowance=allowance)


def _unreadable(source: Source, reason: str) -> Source:
    def fail() -> BinaryIO:
        raise Unreadable(reason)

    return Source(source.path, None, fail, named=False)


def _said(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _read(file: BinaryIO, size: int) -> bytes:
    """The first `size` bytes: a pipe gives them in pieces."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _is_tar(head: bytes) -> bool:
    start = b""
    try:
        for piece in Unpacker.sniffed().feed(head):
            start += piece
            if len(start) >= _TAR.stop:
                break
    except Unreadable:
        return False
    return start[_TAR] == b"ustar"


class _Entry(tarfile.TarInfo):
    """An entry of a tar archive. A damaged one is an error, and not taken for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Entry":
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == _TAR_END:
                raise
            raise Unreadable(str(error)) from None


class _Member(io.RawIOBase):
    """One file of an archive. Whatever goes wrong while it is unpacked is one error."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._file = self._guarded(opened)

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
            raise Unreadable(f"it is damaged: {_said(error)}") from None


class _Unpacked(io.RawIOBase):
    """A packed stream as the bytes that are packed in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._plain = self._unpacked()
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        while not self._waiting:
            piece = next(self._plain, None)
            if piece is None:
                return b""
            self._waiting = piece
        found = self._waiting if size < 0 else self._waiting[:size]
        self._waiting = self._waiting[len(found) :]
        return found

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = Unpacker.sniffed()
        while packed := self._file.read(_PIECE):
            yield from unpacker.feed(packed)
        yield from unpacker.finish()
