"""What happens to databases while they are used."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def another_file(file: Path) -> Iterator[None]:
    """Another file stands where the ledger's was, and after the block the ledger's again."""
    shutil.copyfile(file, file.with_name("copy.db"))
    file.rename(file.with_name("kept.db"))
    file.with_name("copy.db").rename(file)
    yield
    file.with_name("kept.db").replace(file)
