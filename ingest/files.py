"""Files: which files a path means, and how each is opened. What is in them is for others (`ingest.records`)."""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from ingest import remote
from ingest.unpacking import Unreadable

STANDARD_INPUT: Final = "-"
SUFFIXES: Final = frozenset(
    (".json", ".jsonl", ".ndjson", ".log", ".txt", ".sse", ".csv", ".tsv", ".parquet")
)
PACKED: Final = frozenset((".gz", ".gzip", ".zst", ".zstd"))
ARCHIVES: Final = frozenset((".zip", ".tar", ".tgz"))


class NoSuchPath(ValueError):
    """A path that does not name something to read; the message says why."""


class Allowance:
    """How much the files of one archive may unpack to, all together."""

    def __init__(self, size: int) -> None:
        self._left = self._size = size

    @property
    def spent(self) -> bool:
        """Whether it is used up."""
        return self._left < 0

    def take(self, size: int) -> None:
        """Use up some of it.

        Raises:
            Unreadable: it was not enough.
        """
        self._left -= size
        if self.spent:
            raise Unreadable(f"the archive unpacks to more than {self._size:,} bytes: its packing is a trap")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import."""

    path: str
    """As reports and the ledger show it: never with credentials."""
    size: int | None
    """Bytes as they lie there; None where nobody knows."""
    open: Callable[[], BinaryIO]
    """The file's bytes as they lie there, packed or not.

    Raises:
        OSError, ingest.unpacking.Unreadable: it cannot be opened.
    """
    seekable: bool = False
    """Whether any part of it can be read cheaply."""
    growing: bool = False
    """Whether a writer may be adding to it, so that its last line may not be whole yet."""
    named: bool = True
    """Whether it can be known again; standard input cannot."""
    allowance: Allowance | None = None


def sources(paths: Iterable[str]) -> list[Source]:
    """The files that `paths` mean: files as they are, folders with everything in them that looks like records.

    Raises:
        NoSuchPath: a path does not exist, cannot be read, or is a folder without any such file.
    """
    return [source for path in paths for source in _sources(path)]


def _sources(path: str) -> list[Source]:
    if path == STANDARD_INPUT:
        return [Source(path, None, lambda: sys.stdin.buffer, named=False)]
    if remote.is_remote(path):
        return _remote(path)
    at = Path(path)
    try:
        if at.is_dir():
            if found := [
                one for one in sorted(at.rglob("*")) if one.is_file() and is_wanted(one.relative_to(at))
            ]:
                return [_local(str(one), one) for one in found]
            raise NoSuchPath(_nothing_in(path))
        with at.open("rb"):
            return [_local(path, at)]
    except OSError as error:
        raise NoSuchPath(f"{path}: {error.strerror or error}") from error


def _local(path: str, at: Path) -> Source:
    regular = at.is_file()
    return Source(
        path, at.stat().st_size if regular else None, lambda: at.open("rb"), seekable=regular, growing=regular
    )


def _remote(path: str) -> list[Source]:
    try:
        found = remote.listed(path, is_wanted)
    except remote.OutOfReach as error:
        raise NoSuchPath(str(error)) from None
    if not found:
        raise NoSuchPath(_nothing_in(remote.shown(path)))
    return [Source(one.path, one.size, one.open, seekable=one.seekable) for one in found]


def _nothing_in(folder: str) -> str:
    return f"{folder}: no {', '.join(sorted(SUFFIXES | ARCHIVES))} files in this folder (packed or not)"


def is_wanted(path: Path | PurePosixPath) -> bool:
    """Whether a file of this name in a folder is read: records or an archive, packed or not, and not hidden."""
    suffix = _suffix(path)
    return suffix in SUFFIXES or suffix in ARCHIVES


def holds_records(path: PurePosixPath) -> bool:
    """Whether a file of this name in an archive is read."""
    return _suffix(path) in SUFFIXES


def holds_files(path: PurePosixPath) -> bool:
    """Whether a file of this name in an archive is an archive itself."""
    return _suffix(path) in ARCHIVES


def _suffix(path: Path | PurePosixPath) -> str:
    if any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return ""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def spooled(file: BinaryIO) -> BinaryIO:
    """The rest of a stream as a file that can be read in any order. It vanishes when it is closed."""
    spool = tempfile.TemporaryFile(prefix="tallybook-")  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(file, spool, 2**20)
    spool.seek(0)
    return spool


class Rejoined(io.RawIOBase):
    """A stream whose first bytes have been read, as if they had not."""

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
            found, self._head = self._head + self._rest.read(), b""
            return found
        found, self._head = self._head[:size], self._head[size:]
        return found
