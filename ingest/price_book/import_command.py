"""`tallybook prices import`: prices of a file, or of the installed LiteLLM, into the price book."""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Final

from rich.console import Console
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
from ingest.terminal import ExitCode, current_user, print_json, say, warn

_SHOWN: Final = 20
_TOLD: Final = 100
_NAMES: Final = 6


def run(
    path: str | None, *, litellm: bool, source: str | None, start: str | None, dry_run: bool, as_json: bool
) -> int:
    """Add what a list says that the book does not yet, and say what that was; the exit code."""
    try:
        begin = _instant(start)
        listed = _listed(path, litellm=litellm, source=source)
    except Invalid as error:
        flag = f"--{error.field} " if error.field else ""
        warn(f"tallybook: {flag}{error}")
        return ExitCode.USAGE
    at = now()
    with open_ledger(Settings()) as ledger:
        found = import_list(ledger, listed, by=current_user(), at=at, start=begin, dry_run=dry_run)
    begin = at if begin is None else begin
    if as_json:
        print_json(_object(listed, found, begin, dry_run=dry_run))
    else:
        _print(listed, found, begin, dry_run=dry_run)
    return ExitCode.SOME_REJECTED if listed.faults else ExitCode.OK


def _listed(path: str | None, *, litellm: bool, source: str | None) -> PriceList:
    if litellm == (path is not None):
        message = "give either a file of prices or --litellm for the map of the installed LiteLLM"
        raise Invalid("no_list", message)
    return read_installed(source) if path is None else read_file(path, source)


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
        message = f"{text}: give a date, 2026-07-01, which is UTC, or a time with its zone"
        raise Invalid("invalid_time", message, "from") from None


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


def _print(listed: PriceList, found: Changes, start: int, *, dry_run: bool) -> None:
    say(f"{listed.origin}: {len(listed.points):,} prices of {listed.models:,} models, source {listed.source}")
    counts = f"{found.added:,} added, {len(found.changed):,} changed, {found.unchanged:,} unchanged"
    say(f"{counts}{' (dry run: nothing is kept)' if dry_run else ''}")
    if found.changed:
        Console().print(_changed(found.changed))
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
