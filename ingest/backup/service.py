"""Make a backup: copy, count, verify, publish, note in the ledger, and remove older ones."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import ingest
from ingest.backup import check, folder, postgres, sqlite_copy, store
from ingest.backup.folder import Backup
from ingest.backup.model import (
    DUMP_FILE,
    EMBEDDED_FILE,
    ENVIRONMENT,
    BackupFailed,
    Contents,
    Manifest,
    SecretFacts,
)
from ingest.clock import rfc3339
from ingest.ledger import database_file, last_backup
from ingest.ledger.database_file import MANIFEST, SECRET, WAL, beside
from ingest.ledger.engine import (
    DatabaseError,
    LedgerError,
    Purpose,
    close,
    engine_of_copy,
    open_engine,
    sqlite_file,
    translated_errors,
    without_password,
    writing,
)
from ingest.ledger.key_hashes import NoSecret, fingerprint, read_secret
from ingest.ledger.verification import Finding
from ingest.settings import Settings

_PRIVATE: Final = 0o600
_SPARE_BYTES: Final = 2**20
"""What a backup needs on the disk beside the copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOptions:
    """Where backups go, how many stay, and how they are checked."""

    destination: Path
    keep: int | None = None
    is_verified: bool = False
    pg_dump: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBackup:
    """A backup that was made."""

    backup: Backup
    removed: list[Path]
    warnings: list[str]
    is_verified: bool
    """Whether the copy was read again, and is what its manifest says."""
    findings: list[Finding] | None
    """What `verify` says of the ledger in it; None if it was not asked, or cannot tell."""


@dataclass(slots=True)
class _Draft:
    """What is known of a backup while it is made."""

    path: Path
    file: str
    contents: Contents
    server: str | None = None
    warnings: list[str] = field(default_factory=list)


def back_up(
    settings: Settings,
    options: BackupOptions,
    *,
    at: int,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None = None,
) -> MadeBackup:
    """Make a backup of the ledger of the settings, which others may write meanwhile.

    Raises:
        BackupFailed: none was made; the message says why.
        LedgerError: the ledger is missing or away.
        Stopped: `stop` was set; none was made.
    """
    destination = options.destination
    folder.make_destination(destination)
    try:
        with folder.drafting(destination, folder.name_at(at), stop) as path:
            draft = _copied(settings, path, options, stop, progress)
            manifest = _described(settings, draft, at)
            findings = _verified(settings, path) if options.is_verified else None
            backup = Backup(folder.publish(path, folder.name_at(at)), manifest, None)
            is_right = not any(finding.level == "error" for finding in findings or [])
            removed = folder.prune(destination, options.keep, backup) if options.keep and is_right else []
    except (OSError, sqlite3.Error) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise BackupFailed(f"no backup was made in {destination}: {said}") from error
    except database_file.WrongFile as error:
        raise LedgerError(str(error)) from error
    draft.warnings += _note(settings, backup)
    return MadeBackup(
        backup=backup,
        removed=removed,
        warnings=draft.warnings,
        is_verified=options.is_verified,
        findings=findings,
    )


def _copied(
    settings: Settings,
    path: Path,
    options: BackupOptions,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None,
) -> _Draft:
    engine, lock = open_engine(settings.database_url, Purpose.READ)
    try:
        if engine.dialect.name == "postgresql":
            dumped = postgres.dump(engine, path / DUMP_FILE, options.pg_dump, stop)
            return _Draft(path, DUMP_FILE, dumped.contents, dumped.server)
        file = Path(engine.url.database or "")
        warnings = _require_room(file, path)
        sqlite_copy.copy(file, path / EMBEDDED_FILE, stop, progress)
        return _Draft(path, EMBEDDED_FILE, _counted(path / EMBEDDED_FILE), None, warnings)
    finally:
        close(engine, lock)


def _require_room(file: Path, path: Path) -> list[str]:
    """Refuse a copy for which the disk has no room; a warning if it is the disk of the ledger."""
    needed = database_file.size_of(file) + database_file.size_of(beside(file, WAL)) + _SPARE_BYTES
    if (free := shutil.disk_usage(path).free) < needed:
        raise BackupFailed(
            f"{path.parent} has {free:,} bytes free and the copy needs {needed:,}: make room, or use another disk"
        )
    if file.stat().st_dev == path.stat().st_dev:
        return [f"{path.parent} is on the disk of the ledger: whoever loses the disk loses both"]
    return []


def _counted(file: Path) -> Contents:
    """What the copy holds."""
    engine = engine_of_copy(file)
    try:
        with translated_errors(), engine.connect() as connection:
            return store.contents(connection)
    except DatabaseError as error:
        raise BackupFailed(f"the ledger cannot be read: {error}") from error
    finally:
        engine.dispose()


def _described(settings: Settings, draft: _Draft, at: int) -> Manifest:
    """Write the secret and the manifest."""
    manifest = Manifest(
        made_at=rfc3339(at),
        program=ingest.__version__,
        database="sqlite" if draft.file == EMBEDDED_FILE else "postgresql",
        ledger=without_password(settings.database_url),
        currency=settings.currency,
        contents=draft.contents,
        secret=_with_secret(settings, draft),
        files={draft.file: check.facts_of(draft.path / draft.file)},
        server=draft.server,
    )
    (draft.path / MANIFEST).write_bytes(manifest.encoded())
    (draft.path / MANIFEST).chmod(_PRIVATE)
    return manifest


def _with_secret(settings: Settings, draft: _Draft) -> SecretFacts:
    """Copy the secret of the ledger if it is in a file; where it is kept."""
    wanted = draft.contents.secret_fingerprint
    if settings.secret_key is not None:
        own = fingerprint(settings.secret_key.get_secret_value().encode())
        if own == wanted:
            draft.warnings.append(f"the secret is in {ENVIRONMENT} and not in the backup: keep it elsewhere")
            return SecretFacts(wanted, ENVIRONMENT)
    if draft.file == EMBEDDED_FILE:
        file = Path(sqlite_file(settings.database_url) or "")
        with suppress(NoSecret, OSError):
            secret = read_secret(beside(file, SECRET))
            if fingerprint(secret) == wanted:
                copy = beside(draft.path / draft.file, SECRET)
                database_file.create(copy)
                copy.write_bytes(secret)
                return SecretFacts(wanted, copy.name)
    draft.warnings.append(
        "the secret of the ledger was not found and is not in the backup: keep it elsewhere"
    )
    return SecretFacts(wanted, None)


def _verified(settings: Settings, path: Path) -> list[Finding] | None:
    """Read the copy again and check it.

    Raises:
        BackupFailed: it is not what was copied.
    """
    backup = folder.backup_at(path)
    if wrong := check.problems(backup):
        raise BackupFailed(f"the copy is not whole and was removed: {'; '.join(wrong)}")
    return check.findings(backup, settings)


def _note(settings: Settings, backup: Backup) -> list[str]:
    """Note in the ledger when and where it was copied last; a warning if that is not possible."""
    manifest = backup.manifest
    assert manifest is not None
    facts = {
        "at": manifest.made_at,
        "path": str(backup.path.absolute()),
        "sha256": next(iter(manifest.files.values())).sha256,
        "events": manifest.contents.counts.get("events", 0),
    }
    try:
        engine, lock = open_engine(settings.database_url, Purpose.CHANGE)
        try:
            with translated_errors(), writing(engine) as connection:
                store.set_property(connection, last_backup.PROPERTY, facts)
        finally:
            close(engine, lock)
    except LedgerError as error:
        return [f"the backup stands, and is not noted in the ledger: {error}"]
    return []
