"""Import of price lists: the prices of a list that the price book does not have yet."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ingest.ledger import price_book
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.prepared import prepared_write
from ingest.model.invalid import Invalid
from ingest.price_book import lists
from ingest.price_book.lists import NotAPriceList, PriceList
from ingest.price_book.lists.price_list import is_source
from ingest.pricing.changes import Changes, changes, term_changes
from ingest.pricing.point import SNAPSHOT

_BUNDLED: Final = "litellm/model_prices_and_context_window_backup.json"
_MAX_BYTES: Final = 256 * 1024 * 1024


class ListRefused(Invalid):
    """There is no price list to import; the message says what to do."""


def read_file(path: str, source: str | None = None) -> PriceList:
    """The price list of a file.

    Raises:
        ListRefused: the file cannot be read or is not a price list, or the source's name is invalid.
    """
    source_name = _source(source)
    return _read(Path(path).name, _read_bytes(Path(path)), path, source_name)


def read_installed(source: str | None = None) -> PriceList:
    """The price map of the installed `litellm`, read without importing it: an import is slow and downloads.

    Raises:
        ListRefused: `litellm` is not installed, or the source's name is invalid.
    """
    try:
        package = distribution("litellm")
    except PackageNotFoundError:
        message = (
            "litellm is not installed here; install it, or give its model_prices_and_context_window.json"
        )
        raise ListRefused("not_installed", message) from None
    name, source_name = f"litellm {package.version}", _source(source)
    return _read(name, _read_bytes(Path(str(package.locate_file(_BUNDLED)))), name, source_name)


def import_list(
    ledger: Ledger,
    price_list: PriceList,
    *,
    by: str,
    at: int,
    start: int | None = None,
    dry_run: bool = False,
) -> Changes:
    """Add a price list to the price book in one transaction; the changes, which a dry run does not write.

    Changed prices are valid from `start` (microseconds UTC), or from `at` if it is None.
    """
    sources = {price_list.source, *(point.source for point in price_list.points)}

    def prepare(connection: Connection) -> Changes:
        points = price_book.points(connection, price_book.from_sources(sources))
        found = changes(points, price_list.points, at, start, is_whole=price_list.is_whole)
        if price_list.terms:
            origins = {point.origin for point in points}
            term_changes(found, price_book.terms(connection), price_list.terms, origins, at, start)
        return found

    if dry_run:
        with ledger.reading() as connection:
            return prepare(connection)
    with prepared_write(ledger, prepare, price_book.generation) as (connection, list_changes):
        added = {"added_at": at, "added_by": by}
        price_book.add_points(connection, [replace(point, **added) for point in list_changes.points])
        price_book.add_terms(connection, [replace(term, **added) for term in list_changes.terms])
    return list_changes


def _read(name: str, raw: bytes, label: str, source: str | None) -> PriceList:
    try:
        return lists.read(name, raw, source)
    except NotAPriceList as error:
        raise ListRefused("no_price_list", f"{label}: {error}") from None


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        message = f"{path}: {error.strerror or error}; give a file that can be read"
        raise ListRefused("unreadable_file", message) from None
    if len(raw) > _MAX_BYTES:
        raise ListRefused("too_large", f"{path}: it is larger than any price list; give the list alone")
    return raw


def _source(name: str | None) -> str | None:
    if name is None:
        return None
    if not is_source(name.lower()):
        message = (
            f"{name}: give letters, digits, dots and dashes, at most 40, and not {SNAPSHOT}, which ships"
        )
        raise ListRefused("invalid_source", message, "source")
    return name.lower()
