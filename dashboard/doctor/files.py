"""Checks of the files of an embedded ledger: who may read them, the disk, the log, locks, a replaced file.

Nothing is opened: what is closed again would take away the locks that this process has on it.
"""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dashboard.doctor.model import Case, Findings, trouble, warning
from ingest.ledger.database_file import SECRET, WAL, beside, size_of
from ingest.ledger.health import LEAST_FREE
from ingest.ledger.inspection import Look

LITTLE_FREE: Final = 2**30
LITTLE_SHARE: Final = 20
"""A disk with less than a 20th of it free is nearly full, unless that is much."""
MUCH_FREE: Final = 20 * 2**30
LONG_LOG: Final = 16 * 2**20
"""Bytes of a write-ahead log that a reader keeps from being taken back into the file."""
LOCK_SECONDS: Final = 1.0
_LOCK_POLLS: Final = 10
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_WRITE_LOCKS: Final = {"-shm": 120, "": 0x40000001}
"""The byte that SQLite locks to write: of the shared memory beside a log, else of the file itself."""
_PROC: Final = Path("/proc")
_GONE: Final = " (deleted)"
"""What Linux puts behind the name of an open file that was deleted or replaced."""


def permissions(case: Case) -> Findings:
    """Who may read and write the ledger, its secret and the files beside it."""
    assert case.file is not None, "asked of a file only"
    for path in _present(case.file):
        facts = path.stat()
        name = path.name
        if stat.S_IMODE(facts.st_mode) & _OTHERS:
            what = "the secret that keys are hashed with" if name.endswith(SECRET) else "names and spend"
            found = trouble if name.endswith(SECRET) else warning
            yield found(f"{path} can be opened by other users: it holds {what}", f"chmod 600 {path}")
        if not os.access(path, os.R_OK):
            yield trouble(
                f"{path} cannot be read by this user", f"chown it to {_user()}, or run as its owner"
            )
        elif not os.access(path, os.W_OK) and not name.endswith(SECRET):
            yield warning(
                f"{path} cannot be written by this user: the ledger can only be read", "run as its owner"
            )
        if facts.st_uid != case.file.stat().st_uid:
            yield warning(
                f"{path} belongs to another user than the ledger: the server may not open it",
                f"chown --reference={case.file} {path}",
            )
    folder = case.file.absolute().parent
    mode = folder.stat().st_mode
    if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        yield warning(f"other users may replace files in {folder}", f"chmod go-w {folder}")
    if not os.access(folder, os.W_OK):
        yield warning(
            f"{folder} cannot be written: SQLite keeps its log there", "run as the owner of the folder"
        )


def disk(case: Case) -> Findings:
    """The room on the disk of the ledger."""
    assert case.file is not None, "asked of a file only"
    folder = case.file.absolute().parent
    usage, inodes = shutil.disk_usage(folder), os.statvfs(folder)
    free = f"{usage.free // 2**20:,} MiB are free on the disk of {folder}"
    if usage.free < LEAST_FREE:
        yield trouble(
            f"{free}: nothing more can be written", "make room, or move the ledger to a larger disk"
        )
    elif usage.free < LITTLE_FREE or usage.free < min(usage.total // LITTLE_SHARE, MUCH_FREE):
        yield warning(f"{free}: it is nearly full", "make room, or move the ledger to a larger disk")
    if inodes.f_files and not inodes.f_favail:
        yield trouble(f"the disk of {folder} can hold no more files", "remove some")


def wal(case: Case) -> Findings:
    """The size of the write-ahead log."""
    assert case.file is not None, "asked of a file only"
    path = beside(case.file, WAL)
    size = size_of(path)
    if size > LONG_LOG:
        yield warning(
            f"{path.name} has {size // 2**20:,} MiB: something reads without an end, or the last writer was killed",
            "end long exports and other readers of the file; the next command takes the log back",
        )


def locks(case: Case) -> Findings:
    """Whether the write lock is free within a second or goes from hand to hand, and else who holds it."""
    assert case.look is not None, "asked with an open database only"
    if case.file is not None:
        yield from _lock_of_file(case.file, case.look)
        return
    if case.look.refuses_writes():
        yield trouble("the server takes no writes: it is a standby, or set to read only", "name the primary")
    for holder in case.look.holders():
        who = f"session {holder.pid} ({holder.name}), {holder.seconds:,} s in a transaction"
        action = f"end it: SELECT pg_terminate_backend({holder.pid})"
        if holder.waiting:
            yield trouble(f"{who}, holds up {holder.waiting} others", action)
        else:
            yield warning(f"{who}: the tables grow meanwhile", action)


def _lock_of_file(file: Path, look: Look) -> Findings:
    with look.commits() as commits:
        before = commits()
        for _ in range(_LOCK_POLLS):
            held = _write_lock(file)
            if held is None:
                return
            time.sleep(LOCK_SECONDS / _LOCK_POLLS)
        if commits() == before:
            yield trouble(
                f"{held} has kept the write lock for a second: nothing else can be written",
                "wait for its end, or end it; what it has not committed is lost",
            )


def replaced(case: Case) -> Findings:
    """Processes that have an earlier file of the ledger open, which was moved away or deleted."""
    assert case.file is not None, "asked of a file only"
    path = case.file.resolve()
    inode = path.stat().st_ino
    logs = {f"{path}{ending}{gone}" for ending in (WAL, "-shm") for gone in ("", _GONE)}
    for process, files in _open_files():
        is_open = inode in files.values()
        if f"{path}{_GONE}" in files or (not is_open and not logs.isdisjoint(files)):
            yield trouble(
                f"{process} has an earlier file {path} open: what it takes in does not come into the ledger",
                "restart it",
            )


class Process(NamedTuple):
    """A process of this machine."""

    pid: int

    def __str__(self) -> str:
        """Its number and its program; the arguments may hold a secret."""
        try:
            return f"process {self.pid} ({(_PROC / str(self.pid) / 'comm').read_text().strip()})"
        except OSError:
            return f"process {self.pid}"


def _write_lock(file: Path) -> Process | None:
    """The process that may write to the database now; None if there is none, or the system does not tell."""
    places = {
        (beside(file, ending).stat().st_ino, byte)
        for ending, byte in _WRITE_LOCKS.items()
        if beside(file, ending).exists()
    }
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120
        words = line.replace("-> ", "").split()
        if len(words) < 8 or words[3] != "WRITE" or words[6] == "EOF":  # noqa: PLR2004
            continue
        inode, first, last = int(words[5].rpartition(":")[2]), int(words[6]), words[7]
        if any(inode == of and first <= byte and (last == "EOF" or byte <= int(last)) for of, byte in places):
            return Process(int(words[4]))
    return None


def _open_files() -> Iterator[tuple[Process, dict[str, int]]]:
    """The processes of this user, and the files that each has open: the inode by the name."""
    for folder in _PROC.glob("[0-9]*/fd"):
        files: dict[str, int] = {}
        with contextlib.suppress(OSError):  # of another user, or it has ended
            for descriptor in folder.iterdir():
                with contextlib.suppress(OSError):
                    files[str(descriptor.readlink())] = descriptor.stat().st_ino
        yield Process(int(folder.parent.name)), files


def _present(file: Path) -> list[Path]:
    paths = (file, *(beside(file, ending) for ending in (WAL, "-shm", SECRET)))
    return [path for path in paths if path.exists()]


def _user() -> str:
    return f"user {os.getuid()}"
