"""Lists of keys, teams and customers in files: a gateway's configuration, or a CSV table.

Reading a list gives its entries, and a fault for each row that is not valid. The value
of a key is read only to be hashed; other secrets of a configuration are never read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from ingest.directory.lists import bifrost_db, bifrost_json, litellm
from ingest.directory.lists import csv as table
from ingest.directory.lists.listing import Listing, NotAList
from ingest.ledger.key_hashes import KeyRing

__all__ = ["Listing", "NotAList", "read"]

_SQLITE: Final = b"SQLite format 3\0"
_HEAD: Final = 4096
_MOST_BYTES: Final = 256 * 2**20


def read(path: Path, keyring: KeyRing) -> Listing:
    """The list in a file: Bifrost's `config.json` or `config.db`, LiteLLM's lists, or CSV.

    Raises:
        NotAList: the file cannot be read, or has no list; the message says what to do.
    """
    try:
        size = path.stat().st_size if path.is_file() or path.is_dir() else None
        if size is None and path.exists():
            raise NotAList(f"{path}: this is a pipe or a device: save the list as a file")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise NotAList(f"{path}: {error.strerror or error}") from None
    if size is not None and size > _MOST_BYTES and not head.startswith(_SQLITE):
        raise NotAList(f"{path}: it has more than {_MOST_BYTES // 2**20} MiB: no list of names has")
    return _reader(path, head)(path, keyring)


def _reader(path: Path, head: bytes) -> Callable[[Path, KeyRing], Listing]:
    if head.startswith(_SQLITE):
        return bifrost_db.read
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"[":
        return litellm.read
    if first != b"{":
        return table.read
    return bifrost_json.read if _has_governance(path) else litellm.read


def _has_governance(path: Path) -> bool:
    """Whether JSON is Bifrost's configuration.

    True for invalid JSON, which its reader refuses with a message.
    """
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return not (isinstance(content, dict) and "governance" not in content and litellm.is_list(content))
