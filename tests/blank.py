"""Empty ledgers on SQLite, copied from one that was migrated once: migrating each anew would take most of a short test's time."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ingest.ledger import schema
from ingest.ledger.engine import make_engine
from ingest.settings import sqlite_url


def blank(file: Path) -> str:
    """The database URL of a migrated ledger in a new file, which nobody has opened yet."""
    shutil.copyfile(_migrated(), file)
    return sqlite_url(file)


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tallybook-blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "blank.db"
    engine = make_engine(sqlite_url(file))
    schema.migrate(engine)
    engine.dispose()
    return file
