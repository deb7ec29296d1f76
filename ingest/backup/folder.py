"""A folder of backups: how a backup becomes visible whole, which are there, and which go.

A backup is a folder `tallybook-20261129T173000Z` with a manifest. It is made under a name that begins with a
point and gets its own name once everything is on the disk. So a backup that was killed is none.
"""

import contextlib
import fcntl
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.backup.model import BackupFailed, Manifest, Stopped, decoded
from ingest.ledger.database_file import MANIFEST
from ingest.model.zone import instant

PRIVATE_FOLDER: Final = 0o700
_NAME: Final = re.compile(r"tallybook-(\d{8}T\d{6}Z)(?:-(\d+))?")
_DRAFT: Final = re.compile(r"\.tallybook-.*\.partial")
_LOCK: Final = ".tallybook-backup.lock"
_LOOK_AGAIN_SECONDS: Final = 0.2
_SAME_SECOND: Final = 1_000
"""Backups of a single second that get a name."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup as it lies in a folder."""

    path: Path
    manifest: Manifest | None
    problem: str | None
    """Why it is not whole; None if its files are there in their size."""

    @property
    def is_whole(self) -> bool:
        """Whether the files are there in their size. Only a verification looks into them."""
        return self.problem is None


def name_at(at: int) -> str:
    """The name of a backup that is made at an instant (microseconds UTC)."""
    return f"tallybook-{instant(at):%Y%m%dT%H%M%SZ}"


def backup_at(path: Path) -> Backup:
    """The backup in a folder, whatever the name of the folder."""
    try:
        manifest = decoded((path / MANIFEST).read_bytes())
    except OSError as error:
        return Backup(path, None, f"{path / MANIFEST} cannot be read: {error.strerror}")
    except BackupFailed as error:
        return Backup(path, None, str(error))
    sizes: dict[str, int | None] = {name: facts.bytes for name, facts in manifest.files.items()}
    if manifest.secret.file is not None:
        sizes[manifest.secret.file] = None
    for name, expected in sizes.items():
        try:
            size = (path / name).stat().st_size
        except OSError as error:
            return Backup(path, manifest, f"{name} cannot be read: {error.strerror}")
        if expected is not None and size != expected:
            return Backup(path, manifest, f"{name} has {size:,} bytes and had {expected:,}")
    return Backup(path, manifest, None)


def backups(destination: Path) -> list[Backup]:
    """The backups in a folder, the newest first, whole or not.

    Raises:
        OSError: the folder cannot be read.
    """
    named = [
        ((match[1], int(match[2] or 1)), path)
        for path in destination.iterdir()
        if (match := _NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()
    ]
    return [backup_at(path) for _, path in sorted(named, reverse=True)]


def newest(path: Path) -> Backup:
    """The backup in a folder, or the newest in a folder of backups.

    Raises:
        BackupFailed: there is none, or there are backups of several ledgers.
    """
    try:
        if not path.is_dir():
            raise BackupFailed(f"{path} is no folder: name a backup, or a folder of backups")
        if is_backup(path):
            return backup_at(path)
        found = backups(path)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read: {error.strerror}") from error
    if not found:
        raise BackupFailed(f"there is no backup in {path}")
    whole = [backup.manifest for backup in found if backup.manifest]
    if any(not one.same_ledger_as(whole[0]) for one in whole):
        raise BackupFailed(f"{path} has backups of several ledgers: name the backup, such as {found[0].path}")
    return found[0]


def make_destination(path: Path) -> None:
    """Make the folder of backups, for its owner only, where it is missing.

    Raises:
        BackupFailed: it is no folder, or cannot be made or written.
    """
    if path.parts[:1] and path.parts[0].endswith(":"):  # a Path makes s3:/bucket of s3://bucket
        raise BackupFailed(
            f"{path} is no folder of this machine: name a folder, such as /var/backups/tallybook"
        )
    try:
        if path.exists() and not path.is_dir():
            raise BackupFailed(f"{path} is a file: name a folder for the backups")
        if path.is_symlink() and not path.exists():
            raise BackupFailed(f"{path} is a link to {path.readlink()}, which does not exist")
        if is_backup(path):
            raise BackupFailed(f"{path} is a backup itself: name the folder around it")
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupFailed(f"cannot make the folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise BackupFailed(f"the folder {path} cannot be written")


def is_backup(path: Path) -> bool:
    """Whether a folder says that it is a backup."""
    return (path / MANIFEST).exists()


@contextmanager
def drafting(destination: Path, name: str, stop: threading.Event) -> Iterator[Path]:
    """A folder for a backup that is being made. What is left of killed backups goes, and so does the draft.

    Only a single backup is made in `destination` at a time; others wait.

    Raises:
        Stopped: `stop` was set while another backup was made.
        OSError: the folder cannot be made.
    """
    with _alone(destination, stop):
        for left in destination.iterdir():
            if _DRAFT.fullmatch(left.name) and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
        draft = destination / f".{name}.{os.getpid()}.partial"
        draft.mkdir(mode=PRIVATE_FOLDER)
        try:
            yield draft
        finally:
            if draft.exists():
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _alone(destination: Path, stop: threading.Event) -> Iterator[None]:
    descriptor = os.open(destination / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _is_locked(descriptor):
            if stop.wait(_LOOK_AGAIN_SECONDS):
                raise Stopped
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def publish(draft: Path, name: str) -> Path:
    """Bring a draft to the disk and give it its name; the backup's folder.

    Raises:
        OSError: it cannot be written.
    """
    for path in draft.iterdir():
        to_disk(path)
    to_disk(draft)
    for number in range(1, _SAME_SECOND):
        final = draft.with_name(name if number == 1 else f"{name}-{number}")
        if not final.exists():
            draft.rename(final)
            to_disk(final.parent)
            return final
    raise BackupFailed(f"there are {_SAME_SECOND:,} backups of this second already")


def prune(destination: Path, keep: int, made: Backup) -> list[Path]:
    """Remove all whole backups of the ledger but the one just made and the last others, `keep` in all.

    The one just made stays where a clock that went back makes it the oldest. Other ledgers' backups, damaged
    ones and other folders stay.
    """
    others = [
        backup
        for backup in backups(destination)
        if backup.path != made.path
        and backup.is_whole
        and backup.manifest
        and made.manifest
        and backup.manifest.same_ledger_as(made.manifest)
    ]
    removed = []
    for backup in others[keep - 1 :]:
        going = backup.path.with_name(f".{backup.path.name}.{os.getpid()}.partial")
        with contextlib.suppress(OSError):
            backup.path.rename(going)
            removed.append(backup.path)
            shutil.rmtree(going, ignore_errors=True)
    return removed


def to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
