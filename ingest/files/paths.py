"""Files: the files of a path, and how each is opened. Their contents are read in `ingest.files.reader`."""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from ingest.files import object_store
from ingest.framing.decompression import Unreadable

STANDARD_INPUT: Final = "-"
SUFFIXES: Final = frozenset(
    (".json", ".jsonl", ".ndjson", ".log", ".txt", ".sse", ".csv", ".tsv", ".parquet")
)
COMPRESSED: Final = frozenset((".gz", ".gzip", ".zst", ".zstd"))
ARCHIVES: Final = frozenset((".zip", ".tar", ".tgz"))


class NoSuchPath(ValueError):
    """A path without a readable file; the message gives the reason."""


class SizeBudget:
    """The limit of the decompressed size of all files of an archive together."""

    def __init__(self, size: int) -> None:
        self._remaining = self._size = size

    @property
    def is_spent(self) -> bool:
        """Whether the limit has been exceeded."""
        return self._remaining < 0

    def spend(self, size: int) -> None:
        """Count `size` decompressed bytes.

        Raises:
            Unreadable: the limit is exceeded.
        """
        self._remaining -= size
        if self.is_spent:
            raise Unreadable(f"the archive unpacks to more than {self._size:,} bytes: its packing is a trap")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import."""

    path: str
    """The path in reports and in the ledger, without credentials."""
    size: int | None
    """Bytes as stored, compressed or not; None if unknown."""
    open: Callable[[], BinaryIO]
    """Open the file's bytes as stored, compressed or not.

    Raises:
        OSError, ingest.framing.decompression.Unreadable: the file cannot be opened.
    """
    seekable: bool = False
    """Whether its parts can be read in any order."""
    growing: bool = False
    """Whether a writer may be appending, so that its last line may be incomplete."""
    identifiable: bool = True
    """Whether it can be identified when it is read again; standard input cannot."""
    budget: SizeBudget | None = None


def sources(paths: Iterable[str]) -> list[Source]:
    """The files of `paths`: each file itself, and the readable files of each folder.

    Raises:
        NoSuchPath: a path does not exist, is not readable, or is a folder without readable files.
    """
    return [source for path in paths for source in _sources(path)]


def _sources(path: str) -> list[Source]:
    if path == STANDARD_INPUT:
        return [Source(path, None, lambda: sys.stdin.buffer, identifiable=False)]
    if object_store.is_remote(path):
        return _remote_sources(path)
    local_path = Path(path)
    try:
        if local_path.is_dir():
            below = [file for file in sorted(local_path.rglob("*")) if file.is_file()]
            if files := [file for file in below if is_readable_file(file.relative_to(local_path))]:
                return [_local_source(str(file), file) for file in files]
            raise NoSuchPath(_no_files_message(path))
        with local_path.open("rb"):
            return [_local_source(path, local_path)]
    except OSError as error:
        raise NoSuchPath(f"{path}: {error.strerror or error}") from error


def _local_source(path: str, local_path: Path) -> Source:
    is_regular = local_path.is_file()
    return Source(
        path,
        local_path.stat().st_size if is_regular else None,
        lambda: local_path.open("rb"),
        seekable=is_regular,
        growing=is_regular,
    )


def _remote_sources(path: str) -> list[Source]:
    try:
        files = object_store.list_files(path, is_readable_file)
    except object_store.RemoteError as error:
        raise NoSuchPath(str(error)) from None
    if not files:
        raise NoSuchPath(_no_files_message(object_store.redacted_url(path)))
    return [Source(file.path, file.size, file.open, seekable=file.seekable) for file in files]


def _no_files_message(folder: str) -> str:
    return f"{folder}: no {', '.join(sorted(SUFFIXES | ARCHIVES))} files in this folder (packed or not)"


def is_readable_file(path: Path | PurePosixPath) -> bool:
    """Whether a file of a folder is read, by its name: records or an archive, and not hidden."""
    suffix = _suffix(path)
    return suffix in SUFFIXES or suffix in ARCHIVES


def is_record_file(path: PurePosixPath) -> bool:
    """Whether a file of an archive is read, by its name."""
    return _suffix(path) in SUFFIXES


def is_archive(path: PurePosixPath) -> bool:
    """Whether a file of an archive is an archive itself, by its name."""
    return _suffix(path) in ARCHIVES


def _suffix(path: Path | PurePosixPath) -> str:
    if any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return ""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def spool_to_file(file: BinaryIO) -> BinaryIO:
    """The rest of a stream as a temporary file, which can be read in any order and is deleted on close."""
    spool = tempfile.TemporaryFile(prefix="tallybook-")  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(file, spool, 2**20)
    spool.seek(0)
    return spool


class PrefixedStream(io.RawIOBase):
    """A stream with its first bytes, which have been read before, in front."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`."""
        if not self._head:
            return self._rest.read(size)
        if size < 0:
            data, self._head = self._head + self._rest.read(), b""
            return data
        data, self._head = self._head[:size], self._head[size:]
        return data
