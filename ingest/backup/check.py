"""Whether a backup is what its manifest says: its files, its database, its rows."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from ingest.backup import store
from ingest.backup.folder import Backup
from ingest.backup.model import EMBEDDED_FILE, FileFacts, Manifest
from ingest.ledger.database_file import WrongFile, read_only_uri
from ingest.ledger.engine import LedgerError, engine_of_copy, open_to_read, translated_errors
from ingest.ledger.key_hashes import NoSecret, fingerprint, read_secret
from ingest.ledger.schema import revisions
from ingest.ledger.verification import Finding, verify
from ingest.settings import Settings, sqlite_url

_BLOCK: Final = 2**20
_MOST_FAULTS: Final = 5


def facts_of(path: Path) -> FileFacts:
    """The size and the hash of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return FileFacts(size, digest.hexdigest())


def problems(backup: Backup) -> list[str]:
    """What is wrong with the files of a backup; none if it can be restored."""
    if backup.problem or backup.manifest is None:
        return [backup.problem or "it has no manifest"]
    found = list(_file_problems(backup.path, backup.manifest))
    if not found and backup.manifest.database == "sqlite":
        found = list(_database_problems(backup.path / EMBEDDED_FILE, backup.manifest))
    return found


def _file_problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    for name, expected in manifest.files.items():
        try:
            if facts_of(folder / name) != expected:
                yield f"{name} is not what was copied: its hash differs"
        except OSError as error:
            yield f"{name} cannot be read: {error.strerror}"
    secret = manifest.secret
    if secret.file is not None:
        try:
            if fingerprint(read_secret(folder / secret.file)) != secret.fingerprint:
                yield f"{secret.file} is not the secret of this ledger"
        except (NoSecret, OSError) as error:
            yield str(error)


def _database_problems(file: Path, manifest: Manifest) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(read_only_uri(file), uri=True)) as connection:
            faults = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MOST_FAULTS})")]
        if faults != ["ok"]:
            yield f"{file.name} is damaged: {'; '.join(faults)}"
            return
        engine = engine_of_copy(file)
        try:
            with translated_errors(), engine.connect() as connection:
                found = store.contents(connection)
        finally:
            engine.dispose()
    except (sqlite3.Error, LedgerError, WrongFile) as error:
        yield f"{file.name} cannot be read: {error}"
        return
    if found != manifest.contents:
        yield f"{file.name} holds other rows than the manifest counts: {_difference(found, manifest)}"


def _difference(found: object, manifest: Manifest) -> str:
    ours, theirs = msgspec.to_builtins(found), msgspec.to_builtins(manifest.contents)
    return ", ".join(
        f"{name} {ours[name]} instead of {theirs[name]}" for name in ours if ours[name] != theirs[name]
    )


def findings(backup: Backup, settings: Settings) -> list[Finding] | None:
    """What `tallybook verify` says of the ledger in a backup; None where only a restore can tell.

    A dump cannot be asked, nor a ledger of another schema.

    Raises:
        LedgerError: the ledger cannot be opened.
    """
    manifest = backup.manifest
    if manifest is None or manifest.database != "sqlite" or manifest.contents.schema != revisions()[-1]:
        return None
    own = {"database_url": sqlite_url(backup.path / EMBEDDED_FILE), "timezone": None}
    with open_to_read(settings.model_copy(update=own)) as ledger:
        return verify(ledger)
