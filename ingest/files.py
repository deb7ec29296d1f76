"""Files on disk as streams of raw records: which files a path means, and their bytes, unpacked and split.

Memory stays constant whatever the size of a file: bytes are read, unpacked and split a piece at a time.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ingest.decoding import Record
from ingest.formats import stream
from ingest.refusal import Refused
from ingest.splitting import RefusedRecord, Splitter
from ingest.unpacking import Unpacker, Unreadable

STANDARD_INPUT: Final = "-"
PIECE: Final = 1 << 20
SUFFIXES: Final = frozenset((".json", ".jsonl", ".ndjson", ".log", ".txt", ".sse", ".csv", ".tsv"))
PACKED: Final = frozenset((".gz", ".gzip", ".zst", ".zstd"))
_FINGERPRINTED: Final = 1 << 16


class NoSuchPath(ValueError):
    """A path that does not name something to read; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import."""

    path: str
    size: int | None
    """Bytes on disk; None for standard input."""

    def open(self) -> BinaryIO:
        """The file's bytes as they lie there, packed or not."""
        return sys.stdin.buffer if self.path == STANDARD_INPUT else Path(self.path).open("rb")


def sources(paths: Iterable[str]) -> list[Source]:
    """The files that `paths` mean: files as they are, folders with everything in them that looks like records.

    Raises:
        NoSuchPath: a path does not exist, cannot be read, or is a folder without any such file.
    """
    return [source for path in paths for source in _sources(path)]


def _sources(path: str) -> list[Source]:
    if path == STANDARD_INPUT:
        return [Source(path, None)]
    at = Path(path)
    try:
        if at.is_dir():
            if found := [one for one in sorted(at.rglob("*")) if _looks_like_records(one, at)]:
                return [Source(str(one), one.stat().st_size) for one in found]
            raise NoSuchPath(f"{path}: no {', '.join(sorted(SUFFIXES))} files in this folder (packed or not)")
        with at.open("rb"):
            return [Source(path, at.stat().st_size if at.is_file() else None)]
    except OSError as error:
        raise NoSuchPath(f"{path}: {error.strerror or error}") from error


def _looks_like_records(path: Path, root: Path) -> bool:
    if any(part.startswith(".") for part in path.relative_to(root).parts) or not path.is_file():
        return False
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in SUFFIXES


def fingerprint(source: Source) -> str | None:
    """What a file is known by when it is read again: its first 64 KiB. None for standard input."""
    if source.path == STANDARD_INPUT:
        return None
    with source.open() as file:
        return hashlib.blake2b(file.read(_FINGERPRINTED), digest_size=16).hexdigest()


def batches(file: BinaryIO, size: int, heard: Callable[[int], None]) -> Iterator[list[Record]]:
    """The records of an open file in lists of `size` and a shorter last one. `heard` is told of bytes read.

    What cannot be unpacked ends the file with one refused record; what came before it is kept.
    """
    waiting: list[Record] = []
    for records in _split(file, heard):
        waiting.extend(records)
        while len(waiting) >= size:
            yield waiting[:size]
            del waiting[:size]
    if waiting:
        yield waiting


def _split(file: BinaryIO, heard: Callable[[int], None]) -> Iterator[list[Record]]:
    unpacker = Unpacker.sniffed()
    splitter = Splitter("any", assemble=stream.assemble)
    try:
        while piece := file.read(PIECE):
            heard(len(piece))
            for plain in unpacker.feed(piece):
                yield splitter.feed(plain)
        for plain in unpacker.finish():
            yield splitter.feed(plain)
    except Unreadable as error:
        yield splitter.finish()
        yield [RefusedRecord(splitter.records, splitter.line, Refused("unreadable", str(error)))]
    else:
        yield splitter.finish()
