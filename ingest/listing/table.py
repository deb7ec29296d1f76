"""A table of one's own: CSV with the columns `id` and `name`, and `kind` and `key_hash` where they are needed."""

import csv
from pathlib import Path
from typing import Final, TextIO

from ingest.ledger.directory import Kind
from ingest.ledger.secrets import KeyRing
from ingest.listing.listing import Fault, Listing, NotAList

FORM: Final = "csv"
COLUMNS: Final = ("id", "name", "kind", "key_hash")

_KINDS: Final[dict[str, Kind]] = {
    "": "virtual_key",
    "key": "virtual_key",
    "virtual_key": "virtual_key",
    "team": "team",
    "customer": "customer",
    "business_unit": "business_unit",
}
_SAMPLE: Final = 4096


def read(path: Path, keyring: KeyRing) -> Listing:
    """What the file lists.

    Raises:
        NotAList: it is no text, or has no column `id`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, file, keyring)
    except (UnicodeDecodeError, csv.Error) as error:
        raise NotAList(
            f"{path}: this is neither Bifrost's config.json or config.db nor CSV: {error}"
        ) from None


def _read(path: Path, file: TextIO, keyring: KeyRing) -> Listing:
    rows = csv.reader(file, delimiter=_delimiter(file))
    header = [name.strip().lower().replace(" ", "_") for name in next(rows, [])]
    if "id" not in header:
        raise NotAList(
            f"{path}: this is neither Bifrost's config.json or config.db nor CSV with a column id: "
            f"its columns may be {', '.join(COLUMNS)}"
        )
    listing = Listing(FORM, ignored=tuple(name for name in header if name not in COLUMNS))
    for values in rows:
        if any(values):
            row = {name: value.strip() for name, value in zip(header, values, strict=False)}
            _put(listing, keyring, rows.line_num, row)
    return listing


def _put(listing: Listing, keyring: KeyRing, line: int, row: dict[str, str]) -> None:
    kind = _KINDS.get(row.get("kind", "").lower().replace(" ", "_"))
    if kind is None:
        known = ", ".join(name for name in _KINDS if name)
        listing.faults.append(Fault("", line, "unknown_kind", f"the kind is none of {known}"))
        return
    digest = row.get("key_hash") or None
    listing.put(keyring, kind, line, ident=row.get("id"), name=row.get("name"), digest=digest)


def _delimiter(file: TextIO) -> str:
    """A comma, or the semicolon that spreadsheets write where the comma is in numbers."""
    first = file.readline(_SAMPLE)
    file.seek(0)
    return ";" if first.count(";") > first.count(",") else ","
