"""Make a ledger of a backup: all of it or nothing, and never over a ledger that is in use.

The new database is made beside the place of the ledger and gets its name in a single step. A ledger that was
there keeps its contents under another name. A restore that is killed leaves the old ledger or the new one.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from ingest.backup import check, folder, postgres, store
from ingest.backup.folder import Backup, to_disk
from ingest.backup.model import DUMP_FILE, EMBEDDED_FILE, ENVIRONMENT, Manifest, RestoreRefused, Stopped
from ingest.clock import rfc3339
from ingest.ledger import audit, database_file, schema
from ingest.ledger.database_file import RESTORED_SECRET, SECRET, WORKING_FILES, InUse, beside
from ingest.ledger.engine import DatabaseError, make_engine, sqlite_file, translated_errors, writing
from ingest.ledger.key_hashes import fingerprint
from ingest.model.zone import instant
from ingest.settings import Settings, sqlite_url

_BLOCK: Final = 2**20
_DRAFT: Final = ".restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """Which backup is restored, and to where."""

    source: str
    to: str | None = None
    """A file or a database URL; the ledger of the settings where not given."""
    is_replacing: bool = False
    """Whether a ledger that is there is moved aside."""
    pg_restore: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored, and where the ledger that was there is now."""

    backup: Backup
    ledger: str
    aside: Path | None
    warnings: list[str]


def restore(
    settings: Settings, options: RestoreOptions, *, by: str, at: int, stop: threading.Event
) -> Restored:
    """Make the ledger of the settings, or another, of a backup.

    Raises:
        BackupFailed: there is no such backup.
        RestoreRefused: nothing was changed; the message says why.
        LedgerError: the database is away.
        Stopped: `stop` was set; nothing was changed.
    """
    backup = folder.newest(Path(options.source))
    manifest = _whole(backup)
    url = _target(options.to) or settings.database_url
    engine = make_engine(url)
    engine.dispose()
    if engine.dialect.name != manifest.database:
        raise RestoreRefused(
            f"{backup.path} is of a ledger on {manifest.database} and {engine.url!r} is on {engine.dialect.name}: "
            "name the ledger with --to"
        )
    aside = None
    if manifest.database == "sqlite":
        aside = _restore_file(backup, Path(sqlite_file(url) or ""), options, by=by, at=at, stop=stop)
    else:
        server = int(manifest.server or 0)
        try:
            postgres.restore(engine, backup.path / DUMP_FILE, server, options.pg_restore, stop)
            _compare(engine, manifest)
            _finish(engine, backup, by=by, at=at)
        finally:
            engine.dispose()
    shown = engine.url.render_as_string(hide_password=True)
    return Restored(
        backup=backup, ledger=shown, aside=aside, warnings=list(_secret_warnings(settings, manifest))
    )


def _whole(backup: Backup) -> Manifest:
    """The manifest of a backup that can be restored.

    Raises:
        RestoreRefused: it is damaged, or newer than this program.
    """
    if wrong := check.problems(backup):
        raise RestoreRefused(f"{backup.path} is not whole: {'; '.join(wrong)}")
    manifest = backup.manifest
    assert manifest is not None
    if manifest.contents.schema not in schema.revisions():
        raise RestoreRefused(
            f"{backup.path} was made by a newer Tallybook (schema {manifest.contents.schema}, "
            f"this one knows {schema.revisions()[-1]}): update Tallybook"
        )
    return manifest


def _target(to: str | None) -> str | None:
    return to if to is None or "://" in to else sqlite_url(Path(to))


def _secret_warnings(settings: Settings, manifest: Manifest) -> Iterator[str]:
    secret = manifest.secret
    own = settings.secret_key and fingerprint(settings.secret_key.get_secret_value().encode())
    if secret.kept_in is None:
        yield f"the backup has no secret: bring back the one with the fingerprint {secret.fingerprint}"
    elif secret.kept_in == ENVIRONMENT and own != secret.fingerprint:
        yield f"set {ENVIRONMENT} to the secret that the ledger had (fingerprint {secret.fingerprint})"
    elif own and own != secret.fingerprint:
        yield f"{ENVIRONMENT} is set to another secret than the one that was restored: unset it"


def _compare(engine: sa.Engine, manifest: Manifest) -> None:
    """Refuse a restored database that is not what was dumped."""
    with translated_errors(), engine.connect() as connection:
        found = store.contents(connection)
    if found != manifest.contents:
        raise RestoreRefused("the database holds other rows than the backup counts; do not use it")


def _finish(engine: sa.Engine, backup: Backup, *, by: str, at: int) -> None:
    """Bring the ledger to this schema, and note in it that it was restored, and from what."""
    manifest = backup.manifest
    assert manifest is not None
    with translated_errors():
        schema.migrate(engine, copy=False)  # the backup is the copy
        detail = {
            "from": str(backup.path.absolute()),
            "made_at": manifest.made_at,
            "sha256": next(iter(manifest.files.values())).sha256,
            "events": manifest.contents.counts.get("events", 0),
        }
        entry = audit.Entry(at=at, by=by, action="restore", subject=backup.path.name, detail=detail)
        with writing(engine) as connection:
            audit.note(connection, entry)
            store.set_property(connection, store.LAST_RESTORE, {"at": rfc3339(at), "by": by, **detail})


def _restore_file(
    backup: Backup, file: Path, options: RestoreOptions, *, by: str, at: int, stop: threading.Event
) -> Path | None:
    """Restore an embedded ledger into `file`; where the ledger that was there is now."""
    try:
        if file.is_dir() or not file.absolute().parent.is_dir():
            raise RestoreRefused(
                f"there can be no ledger {file}: it is a folder, or its folder does not exist"
            )
        if database_file.is_in_backup(file) or folder.backup_at(file.absolute().parent).manifest:
            raise RestoreRefused(f"{file} is in a backup, which nothing changes: name another file with --to")
        with database_file.take_alone(file):
            old = _files_of(file)
            if old and not options.is_replacing:
                raise RestoreRefused(
                    f"{old[0]} is there: --replace moves the ledger aside and deletes nothing"
                )
            with _drafted(backup, file, stop) as draft:
                _open_and_finish(draft, backup, by=by, at=at)
                aside = _moved_aside(file, at) if old else None
                _put_in_place(draft, file)
            return aside
    except InUse as error:
        raise RestoreRefused(
            f"{file} is in use: stop the server and the commands that have it open, and restore again"
        ) from error
    except OSError as error:
        raise RestoreRefused(f"cannot restore to {file}: {error.strerror}") from error


def _files_of(file: Path) -> list[Path]:
    """What is there of a ledger."""
    found = [file, *(beside(file, ending) for ending in (*WORKING_FILES, SECRET))]
    return [path for path in found if path.exists()]


@contextmanager
def _drafted(backup: Backup, file: Path, stop: threading.Event) -> Iterator[Path]:
    """The database of a backup in a new file beside the ledger's, and its secret beside that."""
    draft = beside(file, _DRAFT)
    leftovers = [beside(draft, ending) for ending in ("", *WORKING_FILES, SECRET)]
    _remove(leftovers)  # of a restore that was killed
    try:
        manifest = backup.manifest
        assert manifest is not None
        if manifest.secret.file is not None:
            secret = (backup.path / manifest.secret.file).read_bytes()
            database_file.create(beside(draft, SECRET))
            beside(draft, SECRET).write_bytes(secret)
            to_disk(beside(draft, SECRET))
        database_file.create(draft)
        if _copied(backup.path / EMBEDDED_FILE, draft, stop) != manifest.files[EMBEDDED_FILE].sha256:
            raise RestoreRefused(f"{backup.path / EMBEDDED_FILE} changed while it was read")
        yield draft
    finally:
        _remove(leftovers)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _copied(source: Path, to: Path, stop: threading.Event) -> str:
    """Copy a file; the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb") as read, to.open("wb") as write:
        while block := read.read(_BLOCK):
            if stop.is_set():
                raise Stopped
            digest.update(block)
            write.write(block)
    return digest.hexdigest()


def _open_and_finish(draft: Path, backup: Backup, *, by: str, at: int) -> None:
    engine = make_engine(sqlite_url(draft))
    try:
        _finish(engine, backup, by=by, at=at)
    except (DatabaseError, schema.SchemaError) as error:
        raise RestoreRefused(f"{backup.path} cannot be brought to this version: {error}") from error
    finally:
        engine.dispose()  # the last connection takes the write-ahead log back into the file
    to_disk(draft)


def _moved_aside(file: Path, at: int) -> Path:
    """Give what is there of a ledger a second name, and take its log back into it; the new name.

    The file keeps its first name until the new one takes its place.
    """
    _require_unused(file)
    aside = _free_name(file, f".before-{instant(at):%Y%m%dT%H%M%SZ}")
    real = file.resolve()
    for old, new in [
        (real, aside),
        *((beside(file, end), beside(aside, end)) for end in (*WORKING_FILES, SECRET)),
    ]:
        if old.exists():
            new.hardlink_to(old)
    to_disk(aside.parent)
    _remove([beside(file, ending) for ending in WORKING_FILES])  # SQLite would read the log into the new file
    return aside


def _free_name(file: Path, ending: str) -> Path:
    aside, number = beside(file, ending), 1
    while aside.exists() or beside(aside, SECRET).exists():
        number += 1
        aside = beside(file, f"{ending}-{number}")
    return aside


def _require_unused(file: Path) -> None:
    """Refuse a database that another program has open, such as a shell of SQLite, but not a damaged one."""
    if not file.exists():
        return
    uri = f"{file.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1)) as connection:
            # Succeeds only if nobody else has the file open, and takes its log back into it.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise InUse(f"{file} is in use by another program") from error
    except sqlite3.DatabaseError:
        pass


def _put_in_place(draft: Path, file: Path) -> None:
    """Give the new database its name, and then its secret.

    A process that is killed between the two leaves the secret where `ingest.ledger.engine` looks as well.
    """
    secret, restored = beside(draft, SECRET), beside(file, RESTORED_SECRET)
    if secret.exists():
        secret.replace(restored)
    draft.replace(file.resolve())
    if restored.exists():
        restored.replace(beside(file, SECRET))
    to_disk(file.absolute().parent)
    to_disk(file.resolve().parent)
