"""The file of an embedded ledger and the files beside it: who may read them, and who has them open.

The program never opens the database file itself, only SQLite does: when a process closes any descriptor of
a file, POSIX takes away all locks of the process on that file, SQLite's as well.

Every command that has an embedded ledger open holds a shared lock on the file `LEDGER.lock`, and a restore
holds it alone. The lock belongs to the open file and ends with its process, so the file itself means nothing.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self

WAL: Final = "-wal"
"""The write-ahead log: what is committed and not yet in the database file."""
INDEX: Final = "-shm"
"""The index of that log."""
LOCK: Final = ".lock"
SECRET: Final = ".secret"  # noqa: S105 - the end of a file name
RESTORED_SECRET: Final = ".secret.restored"  # noqa: S105 - the end of a file name
"""The secret of a database that has just been restored, until it has its own name."""
WORKING_FILES: Final = (WAL, INDEX, "-journal")
"""What SQLite keeps beside a database while it is open, and after a crash."""
MANIFEST: Final = "manifest.json"
"""The file that makes a folder a backup."""
BACKUP_KIND: Final = "tallybook backup"
_PRIVATE: Final = 0o600


class WrongFile(Exception):
    """There is no ledger that can be opened in this way; the message says what to do."""


class InUse(Exception):
    """Other processes have the ledger open, or a restore has it for itself."""


def beside(file: Path, ending: str) -> Path:
    """The file beside a ledger's file with this ending, such as `ledger.db-wal`.

    SQLite follows a link, and so do its files and the lock. The secret lies beside the link.
    """
    real = file if ending in (SECRET, RESTORED_SECRET) else file.resolve()
    return real.with_name(f"{real.name}{ending}")


def size_of(file: Path) -> int:
    """The size of a file in bytes; 0 where there is none."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def require(file: Path) -> None:
    """Refuse a path without a ledger's file.

    Raises:
        WrongFile: there is no file, or a file that holds nothing, or it cannot be seen.
    """
    with _looking_at(file):
        if file.is_dir():
            raise WrongFile(f"{file} is a folder; name the ledger's file in it")
        _require_regular(file)
        if not file.exists():
            raise WrongFile(
                f"there is no file {file.absolute()} (TALLYBOOK_DATABASE_URL names it); "
                "`tallybook import FILE` or `tallybook serve` starts a ledger"
            )
        if size_of(file) == 0 and size_of(beside(file, WAL)) == 0:
            raise WrongFile(f"{file.absolute()} is empty: it holds no ledger")


def create(file: Path) -> None:
    """Make the file of a new ledger, readable by its owner only, unless there is a file.

    SQLite gives the files that it makes beside it the same rights.

    Raises:
        WrongFile: there can be no such file.
    """
    with _looking_at(file):
        if file.is_dir():
            raise WrongFile(f"{file} is a folder; name a file in it, as in sqlite:///{file}/tallybook.db")
        _require_regular(file)
        if file.exists():
            return
        if not file.absolute().parent.is_dir():
            raise WrongFile(f"the folder {file.absolute().parent} does not exist: make it first")
        if log := size_of(beside(file, WAL)):
            raise WrongFile(
                f"{file} is missing, but {beside(file, WAL)} holds {log:,} bytes of its calls: "
                "bring the file back, or move the log away to start a new ledger"
            )
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    except OSError as error:
        raise WrongFile(f"cannot make {file.absolute()}: {error.strerror}") from error


@contextmanager
def _looking_at(file: Path) -> Iterator[None]:
    """Names the file that cannot be seen, as in a folder of another user or under a name that is too long."""
    try:
        yield
    except OSError as error:
        raise WrongFile(f"cannot look at {file.absolute()}: {error.strerror}") from error


def _require_regular(file: Path) -> None:
    if file.exists() and not file.is_file():
        raise WrongFile(f"{file} is no regular file")


def read_only_reason(file: Path) -> str | None:
    """Why an existing ledger cannot be written; None where it can be."""
    folder = file.absolute().parent
    if is_in_backup(file):
        return f"{file} is a backup; `tallybook restore {folder}` makes a ledger of it"
    for path in (file, folder):
        if not os.access(path, os.W_OK):
            return f"{path} is read-only"
    return None


def read_only_uri(file: Path) -> str:
    """The URI that SQLite reads a ledger with which cannot be written, and leaves no file beside it.

    Raises:
        WrongFile: its write-ahead log holds calls that cannot be read from there.
    """
    path = file.absolute().as_uri()
    if beside(file, WAL).exists():  # perhaps another user writes it right now
        with (
            contextlib.suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{path}?mode=ro", uri=True)) as found,
        ):
            found.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return f"{path}?mode=ro"
    if log := size_of(beside(file, WAL)):
        raise WrongFile(
            f"{file} is read-only, and {beside(file, WAL)} holds {log:,} bytes of its calls, which cannot be "
            "read from there: copy both to a folder that can be written"
        )
    return f"{path}?mode=ro&immutable=1"


def is_in_backup(file: Path) -> bool:
    """Whether a database is part of a backup, which nothing may change."""
    try:
        manifest = json.loads((file.absolute().parent / MANIFEST).read_text())
        return bool(manifest["kind"] == BACKUP_KIND and file.name in manifest["files"])
    except (OSError, ValueError, TypeError, KeyError):
        return False


class FileLock:
    """A lock on a ledger, until it is released or its process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the lock back; a second time is nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def share(file: Path) -> FileLock | None:
    """Take part in the use of a ledger; None where no lock can be kept, as on a read-only disk.

    Raises:
        InUse: a restore has the ledger for itself.
    """
    try:
        return _locked(file, fcntl.LOCK_SH)
    except InUse:
        raise
    except OSError:
        return None


def take_alone(file: Path) -> FileLock:
    """Have a ledger, or the place for one, for oneself.

    Raises:
        InUse: a server or a command has it open.
        OSError: no lock can be kept there.
    """
    return _locked(file, fcntl.LOCK_EX)


def _locked(file: Path, kind: int) -> FileLock:
    mode = stat.S_IMODE(file.stat().st_mode) & 0o666 if file.exists() else _PRIVATE
    lock = FileLock(descriptor := os.open(beside(file, LOCK), os.O_RDONLY | os.O_CREAT, mode))
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.release()
        raise InUse(f"{file} is in use") from error
    except OSError:
        lock.release()
        raise
    return lock
