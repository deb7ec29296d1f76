"""A list as a CSV table with the columns `id` and `name`, and optionally `kind` and `key_hash`.

`team`, `customer` and `cost_center` name the owner of a key or team, `from` the first
day, and `share` the number of parts (`60`, `60%` or `0.6`): a key that several teams share has
a row for each team, with the same `from`. `gl_code` is the general-ledger account of a cost centre.
"""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TextIO

from ingest.directory.lists.listing import Fault, Listing, NotAList
from ingest.ledger.directory import Kind, Link
from ingest.ledger.key_hashes import KeyRing

FORM: Final = "csv"
COLUMNS: Final = (
    "id",
    "name",
    "kind",
    "key_hash",
    "team",
    "customer",
    "cost_center",
    "from",
    "share",
    "gl_code",
)
_TARGETS: Final[tuple[Literal["team", "customer", "cost_center"], ...]] = ("team", "customer", "cost_center")
_NONE: Final = "-"
"""A target that means: no owner from this day on."""

_KINDS: Final[dict[str, Kind]] = {
    "": "virtual_key",
    "key": "virtual_key",
    "virtual_key": "virtual_key",
    "team": "team",
    "customer": "customer",
    "business_unit": "business_unit",
    "cost_center": "cost_center",
    "cost_centre": "cost_center",
}
_SAMPLE: Final = 4096
_MOST_PARTS: Final = 10**6


def read(path: Path, keyring: KeyRing) -> Listing:
    """The list in the file.

    Raises:
        NotAList: the file is not text, or has no column `id`.
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
    try:
        links = _links(row)
    except ValueError as error:
        listing.faults.append(Fault(kind, line, "bad_link", str(error)))
        return
    listing.put(
        keyring,
        kind,
        line,
        ident=row.get("id"),
        name=row.get("name"),
        digest=digest,
        links=links,
        gl_code=row.get("gl_code") or None,
    )


def _links(row: dict[str, str]) -> list[Link]:
    share, first = row.get("share") or "1", row.get("from") or None
    parts = _parts(share)
    if first is not None and first != "always":
        try:
            date.fromisoformat(first)
        except ValueError as error:
            raise ValueError(f"from {first!r} is no day; write one as 2026-10-15, or always") from error
    named = ((kind, row.get(kind, "")) for kind in _TARGETS)
    return [Link(kind, "" if target == _NONE else target, parts, first) for kind, target in named if target]


def _parts(share: str) -> int:
    """The parts that a share stands for: `60`, `60%` and `0.6` are 60."""
    is_weight = share.isascii() and share.isdigit()
    try:
        value = Decimal(share.removesuffix("%")) * (1 if is_weight or share.endswith("%") else 100)
    except ArithmeticError:
        value = Decimal(0)
    if not value.is_finite() or value != value.to_integral_value() or not 0 < value <= _MOST_PARTS:
        raise ValueError(
            f"share {share!r} is no whole number of parts or of percent above 0, as 60, 60% or 0.6"
        )
    return int(value)


def _delimiter(file: TextIO) -> str:
    """A comma, or the semicolon of spreadsheets in languages with a decimal comma."""
    first = file.readline(_SAMPLE)
    file.seek(0)
    return ";" if first.count(";") > first.count(",") else ","
