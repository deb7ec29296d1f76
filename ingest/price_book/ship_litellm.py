"""`make prices`: write the LiteLLM prices that ship anew, and print what differs, for a review.

It reads the map of the installed `litellm` package. A new release becomes a new edition behind those that the
file has: what it changes is valid from its release on. The same release again replaces its own edition.
"""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from ingest.price_book.import_list import read_installed
from ingest.price_book.lists.price_list import PriceList
from ingest.pricing.changes import Changes, changes, term_changes
from ingest.pricing.litellm_snapshot import FILE, Edition, LitellmSnapshot, decoded, encoded
from ingest.pricing.point import PricePoint
from ingest.terminal import ExitCode, say, warn

PATH: Final = Path(__file__).parents[1] / "pricing" / FILE


def main(arguments: list[str]) -> int:
    """Write the file; the exit code. The argument is the day of the release, as the index states it."""
    try:
        released = date.fromisoformat(arguments[0])
    except (IndexError, ValueError):
        warn("make prices RELEASED=2026-11-20: the day on which the installed litellm was released")
        return ExitCode.USAGE
    price_list = read_installed()
    before = decoded(PATH.read_bytes()) if PATH.exists() else LitellmSnapshot()
    after, difference = refreshed(before, price_list, released)
    for line in report(after, difference):
        say(line)
    PATH.write_bytes(encoded(after))
    return ExitCode.OK


def refreshed(
    before: LitellmSnapshot, price_list: PriceList, released: date
) -> tuple[LitellmSnapshot, Changes]:
    """The snapshot with the edition of a price list, and what the edition changes.

    Raises:
        ValueError: the snapshot has an edition that was released later.
    """
    edition = Edition(price_list.origin.rpartition(" ")[2], released)
    kept = tuple(older for older in before.editions if older.version != edition.version)
    if kept and kept[-1].released >= released:
        raise ValueError(
            f"{kept[-1].origin} of {kept[-1].released} is not older; give the day of the release"
        )
    origins = {older.origin for older in kept}
    points = [point for point in before.points if point.origin in origins]
    terms = [term for term in before.terms if term.origin in origins]
    difference = changes(points, price_list.points, edition.at, edition.at, is_whole=True)
    term_changes(difference, terms, price_list.terms, origins, edition.at, edition.at)
    added_at = edition.at if kept else 0
    added_points = [msgspec.structs.replace(point, added_at=added_at) for point in difference.points]
    added_terms = [msgspec.structs.replace(term, added_at=added_at) for term in difference.terms]
    return LitellmSnapshot((*kept, edition), (*points, *added_points), (*terms, *added_terms)), difference


def report(snapshot: LitellmSnapshot, difference: Changes) -> Iterator[str]:
    """The lines of the review: counts, then every changed price."""
    models = {(point.provider, point.model) for point in snapshot.points}
    yield f"{snapshot.origin}: {len(snapshot.points):,} prices of {len(models):,} models in the file"
    yield f"{difference.added:,} added, {len(difference.changed):,} changed, {difference.unchanged:,} unchanged"
    yield f"{difference.unlisted:,} are no longer listed and stay, {len(difference.terms):,} factors of regions"
    for change in difference.changed:
        yield f"{_unit(change.after)}: {_rate(change.before)} -> {_rate(change.after)}"


def _unit(point: PricePoint) -> str:
    band = f" above {point.above:,}" if point.above else ""
    hours = f" {point.hours}" if point.hours else ""
    return f"{point.provider}/{point.model} {point.service_tier} {point.meter}{band}{hours}"


def _rate(point: PricePoint) -> str:
    return f"{point.price:f} per {point.per}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
