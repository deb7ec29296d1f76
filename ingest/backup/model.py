"""What a backup says of itself: its manifest, and the errors of backups and restores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from ingest.ledger.database_file import BACKUP_KIND

FORMAT: Final = 1
"""The version of the manifest's form."""
EMBEDDED_FILE: Final = "ledger.db"
DUMP_FILE: Final = "ledger.dump"
ENVIRONMENT: Final = "TALLYBOOK_SECRET_KEY"


class BackupFailed(Exception):
    """A backup was not made, or is not whole; the message says why and what to do."""


class RestoreRefused(Exception):
    """A backup is not restored, and nothing was changed; the message says why and what to do."""


class Stopped(Exception):
    """The work was asked to end before it was done; nothing of it is left."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file of a backup must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """Which secret belongs to the ledger, and where it is kept. Never the secret."""

    fingerprint: str | None
    kept_in: str | None
    """A file of the backup, or the environment variable that holds the secret; None if it was not found."""

    @property
    def file(self) -> str | None:
        """The file of the backup that holds the secret; None if it is not in the backup."""
        return None if self.kept_in == ENVIRONMENT else self.kept_in


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds, seen in a single snapshot."""

    schema: str
    ledger_id: str | None
    zone: str | None
    secret_fingerprint: str | None
    counts: Mapping[str, int]
    """The number of rows of the tables that people ask about."""
    tables: Mapping[str, int]
    """The number of rows of every table."""
    total_picos: Mapping[str, str]
    """The total cost of all priced calls in 10^-12 units, by currency."""
    chains: Mapping[str, str]
    """The heads of the hash chains: their number of rows and their last seal, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A backup's manifest."""

    kind: str = BACKUP_KIND
    format: int = FORMAT
    made_at: str
    """RFC 3339, UTC."""
    program: str
    database: Literal["sqlite", "postgresql"]
    ledger: str
    """The URL of the ledger, without a password."""
    currency: str
    contents: Contents
    secret: SecretFacts
    files: Mapping[str, FileFacts]
    """The files of the backup but the manifest and the secret."""
    server: str | None = None
    """The version of the database server."""

    @property
    def size(self) -> int:
        """The size of the backup's files in bytes."""
        return sum(facts.bytes for facts in self.files.values())

    def same_ledger_as(self, other: "Manifest") -> bool:
        """Whether two backups are of the same ledger: by its id, or its URL where it had no id yet."""
        one, two = self.contents.ledger_id, other.contents.ledger_id
        return one == two if one and two else self.ledger == other.ledger

    def encoded(self) -> bytes:
        """The manifest as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def decoded(text: bytes) -> Manifest:
    """A manifest from its JSON.

    Raises:
        BackupFailed: it is none, or of a newer program.
    """
    try:
        facts: Any = msgspec.json.decode(text)
        if facts["kind"] != BACKUP_KIND:
            raise BackupFailed("the manifest is not that of a backup")
        if facts["format"] > FORMAT:
            raise BackupFailed(f"it was made by a newer Tallybook ({facts['program']}): update Tallybook")
        return msgspec.convert(facts, Manifest)
    except (msgspec.MsgspecError, TypeError, KeyError) as error:
        raise BackupFailed(f"the manifest is damaged: {error}") from error
