"""`tallybook prices import`: add a price list, from a file or the installed LiteLLM, to the price book."""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Final

from rich.table import Table

from ingest.clock import now
from ingest.ledger.engine import open_ledger
from ingest.model.invalid import Invalid
from ingest.model.zone import instant, micros
from ingest.price_book.import_list import import_list, read_file, read_installed
from ingest.price_book.lists import LeftOut, PriceList
from ingest.pricing.changes import Change, Changes
from ingest.pricing.point import PricePoint
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, print_json, say, warn

_MAX_ROWS: Final = 20
_MAX_LISTED: Final = 100
_MAX_NAMES: Final = 6


def run(
    path: str | None, *, litellm: bool, source: str | None, start: str | None, dry_run: bool, as_json: bool
) -> int:
    """Add the new and changed prices of a list to the price book and print the changes; the exit code."""
    try:
        valid_from = _read_instant(start)
        price_list = _read_list(path, litellm=litellm, source=source)
    except Invalid as error:
        flag = f"--{error.field} " if error.field else ""
        warn(f"tallybook: {flag}{error}")
        return ExitCode.USAGE
    at = now()
    with open_ledger(Settings()) as ledger:
        changes = import_list(ledger, price_list, by=current_user(), at=at, start=valid_from, dry_run=dry_run)
    valid_from = at if valid_from is None else valid_from
    if as_json:
        print_json(_object(price_list, changes, valid_from, dry_run=dry_run))
    else:
        _print(price_list, changes, valid_from, dry_run=dry_run)
    return ExitCode.SOME_REJECTED if price_list.faults else ExitCode.OK


def _read_list(path: str | None, *, litellm: bool, source: str | None) -> PriceList:
    if litellm == (path is not None):
        message = "give either a file of prices or --litellm for the map of the installed LiteLLM"
        raise Invalid("no_list", message)
    return read_installed(source) if path is None else read_file(path, source)


def _read_instant(text: str | None) -> int | None:
    """The instant of `--from`; a date is midnight in UTC, as in price lists."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return micros(when)
    except (ValueError, OverflowError):
        message = f"{text}: give a date, 2026-07-01, which is UTC, or a time with its zone"
        raise Invalid("invalid_time", message, "from") from None


def _object(price_list: PriceList, changes: Changes, start: int, *, dry_run: bool) -> dict[str, object]:
    return {
        "kind": price_list.kind,
        "source": price_list.source,
        "origin": price_list.origin,
        "dry_run": dry_run,
        "models": price_list.models,
        "added": changes.added,
        "changed": len(changes.changed),
        "unchanged": changes.unchanged,
        "no_longer_listed": changes.unlisted,
        "terms_added": len(changes.terms),
        "terms_kept": changes.kept_terms,
        "changed_from": instant(start).isoformat() if changes.changed else None,
        "changes": [
            {
                "provider": change.after.provider,
                "model": change.after.model,
                "service_tier": change.after.service_tier,
                "meter": change.after.meter,
                "above": change.after.above,
                "before": _rate(change.before),
                "after": _rate(change.after),
            }
            for change in changes.changed[:_MAX_LISTED]
        ],
        "left_out": [
            {"field": entry.field, "reason": entry.reason, "count": entry.count}
            for entry in price_list.left_out
        ],
        "rejections": [
            {"where": fault.where, "field": fault.field, "value": fault.value, "reason": fault.advice}
            for fault in price_list.faults[:_MAX_LISTED]
        ],
    }


def _print(price_list: PriceList, changes: Changes, start: int, *, dry_run: bool) -> None:
    prices = f"{len(price_list.points):,} prices of {price_list.models:,} models"
    say(f"{price_list.origin}: {prices}, source {price_list.source}")
    counts = f"{changes.added:,} added, {len(changes.changed):,} changed, {changes.unchanged:,} unchanged"
    say(f"{counts}{' (dry run: nothing is kept)' if dry_run else ''}")
    if changes.changed:
        console().print(_changes_table(changes.changed))
        say(
            f"changed prices hold from {instant(start).isoformat()}, or from the date in their row; "
            "calls before keep theirs (--from DATE to say otherwise)"
        )
    if changes.unlisted:
        say(f"{changes.unlisted:,} prices are no longer listed and stay as they are")
    if changes.terms or changes.kept_terms:
        kept = f"; {changes.kept_terms:,} that were set otherwise stand" if changes.kept_terms else ""
        say(f"{len(changes.terms):,} factors of regions added{kept}")
    by_reason: dict[str, list[LeftOut]] = defaultdict(list)
    for entry in sorted(price_list.left_out, key=lambda entry: -entry.count):
        by_reason[entry.reason].append(entry)
    for reason, entries in by_reason.items():
        names = [f"{entry.field} {entry.count:,}" for entry in entries[:_MAX_NAMES]]
        unnamed = len(entries) - _MAX_NAMES
        more = f" and {unnamed:,} more (--json names all)" if unnamed > 0 else ""
        say(f"{sum(entry.count for entry in entries):,} left out, {reason}: {', '.join(names)}{more}")
    for fault in price_list.faults[:_MAX_LISTED]:
        say(f"rejected: {fault}")
    if len(price_list.faults) > _MAX_LISTED:
        say(f"... and {len(price_list.faults) - _MAX_LISTED:,} more")
    if changes.points and not dry_run:
        say("calls that were unpriced are priced by `tallybook reprice --only-unpriced`")


def _changes_table(changed: list[Change]) -> Table:
    rows = Table("model", "tier", "meter", "before", "after", box=None)
    for change in changed[:_MAX_ROWS]:
        band = f" above {change.after.above:,}" if change.after.above else ""
        name = f"{change.after.provider}/{change.after.model}"
        tier, meter = change.after.service_tier, f"{change.after.meter}{band}"
        rows.add_row(name, tier, meter, _rate(change.before), _rate(change.after))
    if len(changed) > _MAX_ROWS:
        rows.caption = f"... and {len(changed) - _MAX_ROWS:,} more"
    return rows


def _rate(point: PricePoint) -> str:
    return f"{point.price:f} {point.currency} per {point.per}"
