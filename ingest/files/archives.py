"""Archives: zip and tar files as the files in them. No file is written to disk under a name from an archive.

A zip archive is read by its directory, a tar archive (compressed or not) from start to end. A file that is
damaged, encrypted or compressed by an unknown method becomes an unreadable source, so that the other files
are still read. A file that states a size beyond what the archive may unpack to is refused by its header.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, BinaryIO, ClassVar, Final, cast

from ingest.files.passed_over import PassedOver
from ingest.files.paths import (
    PrefixedStream,
    SizeBudget,
    Source,
    is_archive,
    is_record_file,
    spool_to_file,
    unreadable_source,
)
from ingest.framing.decompression import Decompressor, Unreadable
from ingest.model.visible import visible_name

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
_LONGEST_HEADER: Final = 2**20
"""Bytes of a tar entry's header with its long names and attributes, which `tarfile` keeps in memory."""
_NO_RECORDS: Final = "no file of records is in it"


def members(source: Source, passed_over: PassedOver | None = None) -> Generator[Source]:
    """The files of a source: itself, or the files in the archive. Read each file before the next.

    The files of an archive that are not read are counted in `passed_over`.
    """
    counted = passed_over if passed_over is not None else PassedOver()
    try:
        file = source.open()
        head = _read(file, _HEAD)
    except (OSError, Unreadable) as error:
        yield unreadable_source(source.path, _message(error))
        return
    source = replace(source, seekable=source.seekable and file.seekable())
    rewound = _rewind(source, head, file)
    files = _zip_members if head.startswith(_ZIP) else _tar_members if _is_tar(head) else None
    if files is None:
        yield replace(source, open=lambda: rewound)  # the caller closes it
        return
    try:
        yield from files(source, rewound, counted)
    finally:
        if source.identifiable:
            file.close()


def _rewind(source: Source, head: bytes, file: BinaryIO) -> BinaryIO:
    if not source.seekable:
        return cast(BinaryIO, PrefixedStream(head, file))
    file.seek(0)
    return file


def _zip_members(source: Source, file: BinaryIO, passed_over: PassedOver) -> Iterator[Source]:
    if not source.seekable:
        with closing(spool_to_file(file)) as spool:
            yield from _zip_members(replace(source, seekable=True), spool, passed_over)
        return
    size = file.seek(0, io.SEEK_END)
    budget = SizeBudget(max(ALWAYS_ALLOWED, size * LARGEST_RATIO))
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            readable = [entry for entry in entries if _is_readable(entry.filename)]
            for entry in entries:
                if not _is_readable(entry.filename):
                    passed_over.add_by_name(visible_name(entry.filename))
            for entry in readable:
                if not budget.is_spent:
                    yield _member(
                        source, entry.filename, entry.file_size, _zip_opener(archive, entry), budget
                    )
    except Exception as error:  # noqa: BLE001 - the parser of a damaged archive raises errors of every kind
        yield unreadable_source(source.path, f"the zip archive is damaged: {_message(error)}")
        return
    if not readable:
        is_workbook = any(entry.filename == _WORKBOOK for entry in entries)
        reason = "this is a workbook: save its sheet as CSV" if is_workbook else _NO_RECORDS
        yield unreadable_source(source.path, reason)


def _zip_opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], Any]:
    def unzip() -> Any:
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("it is encrypted: unpack the archive with its password first")
        return archive.open(entry)

    return unzip


def _tar_members(source: Source, file: BinaryIO, passed_over: PassedOver) -> Iterator[Source]:
    budget = SizeBudget(max(ALWAYS_ALLOWED, (source.size or 0) * LARGEST_RATIO))
    stream = _DecompressedStream(file)
    entry_type = type("_Entry", (_TarEntry,), {"stream": stream})
    has_files = False
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=entry_type) as archive:
            for entry in _entries(archive):
                if entry.isfile() and _is_readable(entry.name):
                    is_too_large = source.size is not None and not budget.allows(entry.size)
                    has_files = True
                    yield _member(source, entry.name, entry.size, _tar_opener(archive, entry), budget)
                    if is_too_large or budget.is_spent:  # to go on, the rest of it would have to be read
                        return
                else:
                    _pass_over(passed_over, entry)
                    budget.spend(entry.size if source.size is not None else 0)
    except Exception as error:  # noqa: BLE001 - the parser of a damaged archive raises errors of every kind
        yield unreadable_source(source.path, f"the tar archive is damaged here: {_message(error)}")
        return
    if not has_files:
        yield unreadable_source(source.path, _NO_RECORDS)


def _entries(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries of a stream. The archive forgets each, so that memory stays small."""
    while (entry := archive.next()) is not None:
        cast(Any, archive).members.clear()
        yield entry


def _pass_over(passed_over: PassedOver, entry: tarfile.TarInfo) -> None:
    name = visible_name(entry.name)
    if entry.isfile():
        passed_over.add_by_name(name)
    elif entry.issym() or entry.islnk():
        passed_over.add("links in the archive", name)
    elif not entry.isdir():
        passed_over.add("pipes and devices", name)


def _tar_opener(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], Any]:
    return lambda: archive.extractfile(entry)


def _is_readable(name: str) -> bool:
    path = PurePosixPath(name)
    return is_record_file(path) or is_archive(path)


def _member(
    source: Source, name: str, size: int, open_member: Callable[[], Any], budget: SizeBudget
) -> Source:
    path = f"{source.path}/{visible_name(name)}"

    def open_it() -> BinaryIO:
        if is_archive(PurePosixPath(name)):
            raise Unreadable("an archive in an archive is not read: unpack the outer one first")
        if source.size is not None:
            budget.require(size)
        return cast(BinaryIO, _MemberStream(open_member))

    return Source(path, size, open_it, budget=budget)


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

    stream: "ClassVar[_DecompressedStream]"

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_TarEntry":
        try:
            with cls.stream.at_most(_LONGEST_HEADER):
                entry = super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == _TAR_END:
                raise
            raise Unreadable(str(error)) from None
        if entry.size < 0:
            raise Unreadable(f"an entry states a size of {entry.size:,} bytes")
        return entry


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
        except Exception as error:  # noqa: BLE001 - as above
            raise Unreadable(f"it is damaged: {_message(error)}") from None


class _DecompressedStream(io.RawIOBase):
    """A compressed stream as its decompressed bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._plain = self._decompressed()
        self._pending = b""
        self._ended = False
        self._allowed: int | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end.

        Raises:
            Unreadable: it is read again after its end, as `tarfile` does for ever in a file that was cut; or
                more is read than `at_most` allows.
        """
        while not self._pending:
            piece = next(self._plain, None)
            if piece is None:
                if self._ended:
                    raise Unreadable("it is cut")
                self._ended = True
                return b""
            self._pending = piece
        data = self._pending if size < 0 else self._pending[:size]
        self._pending = self._pending[len(data) :]
        if self._allowed is not None:
            self._allowed -= len(data)
            if self._allowed < 0:
                raise Unreadable("a header in it is longer than any name")
        return data

    @contextmanager
    def at_most(self, size: int) -> Iterator[None]:
        """Allow so many bytes to be read within the block; a block within another shares what is left."""
        is_outer = self._allowed is None
        if is_outer:
            self._allowed = size
        try:
            yield
        finally:
            if is_outer:
                self._allowed = None

    def _decompressed(self) -> Iterator[bytes]:
        decompressor = Decompressor.detecting()
        while compressed := self._file.read(_READ_SIZE):
            yield from decompressor.feed(compressed)
        yield from decompressor.finish()
