"""`tallybook prices import`: prices of a file, or of the installed LiteLLM, into the price book."""

import json
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from ingest import price_lists
from ingest.clock import now as present
from ingest.ledger import prices
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.price_tables import price_point
from ingest.model.zone import instant, micros
from ingest.price_lists import LeftOut, NotAPriceList, PriceList
from ingest.price_lists.price_list import is_source
from ingest.pricing.changes import Change, Changes, changes, term_changes
from ingest.pricing.point import SNAPSHOT, PricePoint
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2
REJECTED: Final = 3

_BUNDLED: Final = "litellm/model_prices_and_context_window_backup.json"
_LARGEST: Final = 256 * 1024 * 1024
_SHOWN: Final = 20
_TOLD: Final = 100
_NAMES: Final = 6


class CannotImport(Exception):
    """There is nothing to import; the message says what to do."""


def run(
    path: str | None, *, litellm: bool, source: str | None, start: str | None, dry_run: bool, as_json: bool
) -> int:
    """Add what a list says that the book does not yet, and say what that was; the exit code."""
    try:
        begin = _instant(start)
        listed = _listed(path, litellm=litellm, source=_source(source))
    except CannotImport as error:
        Console(stderr=True).print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
        return USAGE
    now = present()
    with open_ledger(Settings()) as ledger:
        found = enter(ledger, listed, now, begin, dry_run=dry_run)
    begin = now if begin is None else begin
    if as_json:
        sys.stdout.write(json.dumps(_object(listed, found, begin, dry_run=dry_run), indent=2) + "\n")
    else:
        _print(Console(), listed, found, begin, dry_run=dry_run)
    return REJECTED if listed.faults else WELL


def enter(
    ledger: Ledger, listed: PriceList, now: int, start: int | None, *, dry_run: bool = False
) -> Changes:
    """Put a list into the price book in one transaction, and say what that changed."""
    sources = {listed.source, *(point.source for point in listed.points)}
    ours = price_point.c.source.in_(sorted(sources))
    with ledger.reading() if dry_run else ledger.writing() as connection:
        known = prices.points(connection, ours)
        found = changes(known, listed.points, now, start, is_whole=listed.is_whole)
        if listed.terms:
            origins = {point.origin for point in known}
            term_changes(found, prices.terms(connection), listed.terms, origins, now, start)
        if not dry_run:
            added = {"added_at": now, "added_by": current_user()}
            prices.add_points(connection, [replace(one, **added) for one in found.points])
            prices.add_terms(connection, [replace(one, **added) for one in found.terms])
    return found


def _listed(path: str | None, *, litellm: bool, source: str | None) -> PriceList:
    if litellm == (path is not None):
        raise CannotImport("give either a file of prices or --litellm for the map of the installed LiteLLM")
    name, raw = _bundled() if path is None else (Path(path).name, _bytes(Path(path)))
    try:
        return price_lists.read(name, raw, source)
    except NotAPriceList as error:
        raise CannotImport(f"{path or name}: {error}") from None


def _bundled() -> tuple[str, bytes]:
    """The price map in the installed `litellm`. The package itself is not imported: that is slow, and fetches."""
    try:
        package = distribution("litellm")
    except PackageNotFoundError:
        raise CannotImport(
            "litellm is not installed here; install it, or give its model_prices_and_context_window.json"
        ) from None
    return f"litellm {package.version}", _bytes(Path(str(package.locate_file(_BUNDLED))))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise CannotImport(f"{path}: it is larger than any price list; give the list alone")
        return path.read_bytes()
    except OSError as error:
        raise CannotImport(f"{path}: {error.strerror or error}; give a file that can be read") from None


def _source(name: str | None) -> str | None:
    if name is None:
        return None
    if not is_source(name.lower()):
        raise CannotImport(
            f"--source {name}: give letters, digits, dots and dashes, at most 40, and not {SNAPSHOT}, which ships"
        )
    return name.lower()


def _instant(text: str | None) -> int | None:
    """The instant of `--from`: a date is its midnight in UTC, like those in files."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return micros(when)
    except (ValueError, OverflowError):
        raise CannotImport(
            f"--from {text}: give a date, 2026-07-01, which is UTC, or a time with its zone"
        ) from None


def _object(listed: PriceList, found: Changes, start: int, *, dry_run: bool) -> dict[str, object]:
    return {
        "kind": listed.kind,
        "source": listed.source,
        "origin": listed.origin,
        "dry_run": dry_run,
        "models": listed.models,
        "added": found.added,
        "changed": len(found.changed),
        "unchanged": found.unchanged,
        "no_longer_listed": found.unlisted,
        "terms_added": len(found.terms),
        "terms_kept": found.kept_terms,
        "changed_from": instant(start).isoformat() if found.changed else None,
        "changes": [
            {"provider": one.after.provider, "model": one.after.model, "service_tier": one.after.service_tier}
            | {"meter": one.after.meter, "above": one.after.above, "before": _rate(one.before)}
            | {"after": _rate(one.after)}
            for one in found.changed[:_TOLD]
        ],
        "left_out": [
            {"field": one.field, "reason": one.reason, "count": one.count} for one in listed.left_out
        ],
        "rejections": [
            {"where": one.where, "field": one.field, "value": one.value, "reason": one.advice}
            for one in listed.faults[:_TOLD]
        ],
    }


def _print(out: Console, listed: PriceList, found: Changes, start: int, *, dry_run: bool) -> None:
    def say(line: str) -> None:
        out.print(line, highlight=False, markup=False, soft_wrap=True)

    say(f"{listed.origin}: {len(listed.points):,} prices of {listed.models:,} models, source {listed.source}")
    counts = f"{found.added:,} added, {len(found.changed):,} changed, {found.unchanged:,} unchanged"
    say(f"{counts}{' (dry run: nothing is kept)' if dry_run else ''}")
    if found.changed:
        out.print(_changed(found.changed))
        say(
            f"changed prices hold from {instant(start).isoformat()}, or from the date in their row; calls before keep "
            "theirs (--from DATE to say otherwise)"
        )
    if found.unlisted:
        say(f"{found.unlisted:,} prices are no longer listed and stay as they are")
    if found.terms or found.kept_terms:
        kept = f"; {found.kept_terms:,} that were set otherwise stand" if found.kept_terms else ""
        say(f"{len(found.terms):,} factors of regions added{kept}")
    by_reason: dict[str, list[LeftOut]] = defaultdict(list)
    for one in sorted(listed.left_out, key=lambda one: -one.count):
        by_reason[one.reason].append(one)
    for reason, ones in by_reason.items():
        names = [f"{one.field} {one.count:,}" for one in ones[:_NAMES]]
        more = f" and {len(ones) - _NAMES:,} more (--json names all)" if len(ones) > _NAMES else ""
        say(f"{sum(one.count for one in ones):,} left out, {reason}: {', '.join(names)}{more}")
    for fault in listed.faults[:_TOLD]:
        say(f"rejected: {fault}")
    if len(listed.faults) > _TOLD:
        say(f"... and {len(listed.faults) - _TOLD:,} more")
    if found.points and not dry_run:
        say("calls that were unpriced are priced by `tallybook reprice --only-unpriced`")


def _changed(changed: list[Change]) -> Table:
    table = Table("model", "tier", "meter", "before", "after", box=None)
    for one in changed[:_SHOWN]:
        band = f" above {one.after.above:,}" if one.after.above else ""
        name = f"{one.after.provider}/{one.after.model}"
        tier, meter = one.after.service_tier, f"{one.after.meter}{band}"
        table.add_row(name, tier, meter, _rate(one.before), _rate(one.after))
    if len(changed) > _SHOWN:
        table.caption = f"... and {len(changed) - _SHOWN:,} more"
    return table


def _rate(point: PricePoint) -> str:
    return f"{point.price:f} {point.currency} per {point.per}"
