"""Price lists into the price book: what a list says that the book does not yet."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.price_book import lists
from ingest.price_book.lists import NotAPriceList, PriceList
from ingest.price_book.lists.price_list import is_source
from ingest.pricing.changes import Changes, changes, term_changes
from ingest.pricing.point import SNAPSHOT

_BUNDLED: Final = "litellm/model_prices_and_context_window_backup.json"
_LARGEST: Final = 256 * 1024 * 1024


class ListRefused(Invalid):
    """There is no price list to import; the message says what to do."""


def read_file(path: str, source: str | None = None) -> PriceList:
    """The price list of a file.

    Raises:
        ListRefused: the file cannot be read or is no price list, or the source has no proper name.
    """
    kept_under = _source(source)
    return _read(Path(path).name, _bytes(Path(path)), path, kept_under)


def read_installed(source: str | None = None) -> PriceList:
    """The price map in the installed `litellm`. The package itself is not imported: that is slow, and fetches.

    Raises:
        ListRefused: `litellm` is not installed, or the source has no proper name.
    """
    try:
        package = distribution("litellm")
    except PackageNotFoundError:
        message = (
            "litellm is not installed here; install it, or give its model_prices_and_context_window.json"
        )
        raise ListRefused("not_installed", message) from None
    name, kept_under = f"litellm {package.version}", _source(source)
    return _read(name, _bytes(Path(str(package.locate_file(_BUNDLED)))), name, kept_under)


def import_list(
    ledger: Ledger, listed: PriceList, *, by: str, at: int, start: int | None = None, dry_run: bool = False
) -> Changes:
    """Put a list into the price book in one transaction; what that changed, or would change in a dry run.

    Changed prices hold from `start` (microseconds UTC), or from `at` without it.
    """
    sources = {listed.source, *(point.source for point in listed.points)}
    with ledger.reading() if dry_run else ledger.writing() as connection:
        known = price_book.points(connection, price_book.from_sources(sources))
        found = changes(known, listed.points, at, start, is_whole=listed.is_whole)
        if listed.terms:
            origins = {point.origin for point in known}
            term_changes(found, price_book.terms(connection), listed.terms, origins, at, start)
        if not dry_run:
            added = {"added_at": at, "added_by": by}
            price_book.add_points(connection, [replace(point, **added) for point in found.points])
            price_book.add_terms(connection, [replace(term, **added) for term in found.terms])
    return found


def _read(name: str, raw: bytes, shown: str, source: str | None) -> PriceList:
    try:
        return lists.read(name, raw, source)
    except NotAPriceList as error:
        raise ListRefused("no_price_list", f"{shown}: {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise ListRefused("too_large", f"{path}: it is larger than any price list; give the list alone")
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror or error}; give a file that can be read"
        raise ListRefused("unreadable_file", message) from None


def _source(name: str | None) -> str | None:
    if name is None:
        return None
    if not is_source(name.lower()):
        message = (
            f"{name}: give letters, digits, dots and dashes, at most 40, and not {SNAPSHOT}, which ships"
        )
        raise ListRefused("invalid_source", message, "source")
    return name.lower()
