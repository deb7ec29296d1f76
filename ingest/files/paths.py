"""Files: the files of a path, and how each is opened. Their contents are read in `ingest.files.reader`."""

import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from ingest.files import object_store
from ingest.files.passed_over import PassedOver, is_hidden
from ingest.framing.decompression import Unreadable
from ingest.model.visible import visible_name

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

    def allows(self, size: int) -> bool:
        """Whether `size` decompressed bytes are within what is left."""
        return size <= self._remaining

    def require(self, size: int) -> None:
        """Require that a file of `size` decompressed bytes is within what is left.

        Raises:
            Unreadable: it is not.
        """
        if not self.allows(size):
            raise self._exceeded()

    def spend(self, size: int) -> None:
        """Count `size` decompressed bytes.

        Raises:
            Unreadable: the limit is exceeded.
        """
        self._remaining -= size
        if self.is_spent:
            raise self._exceeded()

    def _exceeded(self) -> Unreadable:
        return Unreadable(f"the archive unpacks to more than {self._size:,} bytes: its packing is a trap")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import."""

    path: str
    """The path in reports and in the ledger: without credentials, and with escapes for what has no letter."""
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


def sources(paths: Iterable[str], passed_over: PassedOver | None = None) -> list[Source]:
    """The files of `paths`: each file itself, and the readable files of each folder.

    The files of a folder that are not read are counted in `passed_over`.

    Raises:
        NoSuchPath: a path does not exist, is not readable, or is a folder without readable files.
    """
    counted = passed_over if passed_over is not None else PassedOver()
    return [source for path in paths for source in _sources(path, counted)]


def _sources(path: str, passed_over: PassedOver) -> list[Source]:
    if path == STANDARD_INPUT:
        return [Source(path, None, lambda: sys.stdin.buffer, identifiable=False)]
    if not path:
        raise NoSuchPath("a path is empty: name a file, a folder, or - for standard input")
    if object_store.is_remote(path):
        return _remote_sources(path)
    try:
        if Path(path).is_dir():
            return _folder_sources(path, passed_over)
        return [_named_source(path)]
    except OSError as error:
        raise NoSuchPath(f"{visible_name(path)}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL byte
        raise NoSuchPath(f"{visible_name(path)}: {error}") from error


def _named_source(path: str) -> Source:
    """The source of a file that is named itself. A pipe is opened once, where it is read."""
    mode = Path(path).stat().st_mode
    if stat.S_ISREG(mode):
        with Path(path).open("rb"):
            return _local_source(Path(path))
    if not stat.S_ISFIFO(mode) and not _is_standard_input(path):
        raise NoSuchPath(f"{visible_name(path)}: this is a device: name a file, or - for standard input")
    if not os.access(path, os.R_OK):
        raise PermissionError(0, "Permission denied")
    return _local_source(Path(path))


def _is_standard_input(path: str) -> bool:
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(0))
    except OSError:
        return False


def _folder_sources(folder: str, passed_over: PassedOver) -> list[Source]:
    """The readable files of a folder and of the folders in it, in the order of their paths.

    A folder that cannot be read is a source that cannot be read, so that its absence is seen.
    """
    unreadable: list[Source] = []

    def note(error: OSError) -> None:
        reason = f"this folder cannot be read: {error.strerror or error}"
        unreadable.append(unreadable_source(visible_name(str(error.filename)), reason))

    files = [_local_source(file) for file in sorted(_files_below(Path(folder), passed_over, note))]
    if not files and not unreadable:
        raise NoSuchPath(_no_files_message(visible_name(folder)) + passed_over.note())
    return [*files, *unreadable]


def _files_below(root: Path, passed_over: PassedOver, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """The readable files below a folder. What is hidden and links to folders are not entered."""
    real_root = root.resolve()
    for folder, folders, names in os.walk(root, onerror=on_error):
        inside = Path(folder)
        for name in [*folders]:
            shown = visible_name(str((inside / name).relative_to(root)))
            if is_hidden(PurePosixPath(name)):
                folders.remove(name)
                passed_over.add("hidden folders", shown)
            elif (inside / name).is_symlink():
                passed_over.add("links to folders", shown)
        for file in (inside / name for name in names):
            shown = visible_name(str(file.relative_to(root)))
            if not is_readable_file(file.relative_to(root)):
                passed_over.add_by_name(shown)
            elif file.is_symlink() and not _stays_within(file, real_root):
                passed_over.add("links that lead out of the folder or to nothing", shown)
            elif file.is_file():
                yield file
            else:
                passed_over.add("pipes and devices", shown)


def _stays_within(link: Path, real_root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(real_root)
    except (OSError, RuntimeError):  # it leads to nothing, or in a circle
        return False


def unreadable_source(path: str, reason: str) -> Source:
    """A source that is refused when it is opened, with the reason."""

    def fail() -> BinaryIO:
        raise Unreadable(reason)

    return Source(path, None, fail, identifiable=False)


def _local_source(file: Path) -> Source:
    is_regular = file.is_file()
    return Source(
        visible_name(str(file)),
        file.stat().st_size if is_regular else None,
        lambda: file.open("rb"),
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
    return [Source(visible_name(file.path), file.size, file.open, seekable=file.seekable) for file in files]


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
    if is_hidden(path):
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

    def close(self) -> None:
        """Close the stream."""
        if not self.closed:
            self._rest.close()
        super().close()
