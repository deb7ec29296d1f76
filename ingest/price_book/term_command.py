"""`tallybook prices discount`, `markup`, `region`: add a term that changes list prices of some calls."""

from dataclasses import replace
from typing import Any, Final

from ingest.clock import now
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.invalid import Invalid
from ingest.parse.dates import read_edges, written
from ingest.price_book.descriptions import calls_of_term, term_object
from ingest.price_book.terms import AddTermOptions, TermChange, add_term
from ingest.pricing.terms import percent_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, explained, print_json, say, warn

_ARGUMENTS: Final = ("what", "percent")
"""Fields that are arguments of the command, not flags."""
_NAMES_NOTE: Final = (
    "note: it is about calls that the gateway names as theirs; "
    "what `tallybook owner set` assigns is not looked at"
)
_REPORTED_NOTE: Final = (
    "note: costs that sources report are charged as they are; "
    "`tallybook report chargeback` says how much is without the mark-up"
)


def run(options: AddTermOptions, start: str | None, end: str | None, *, as_json: bool) -> int:
    """Add the term; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            valid_from, valid_to = read_edges(start, end, ledger.zone)
            dated = replace(options, valid_from=valid_from, valid_to=valid_to)
            change = add_term(ledger, dated, by=current_user(), at=now())
        except Invalid as error:
            warn(f"tallybook: {error if error.field in _ARGUMENTS else explained(error)}")
            return ExitCode.USAGE
        for name in change.unknown_names:
            warn(f"note: the directory does not know {name}; it is kept as it is written")
        if options.team or options.customer:
            warn(_NAMES_NOTE)
        if options.kind == "markup":
            warn(_REPORTED_NOTE)
        if as_json:
            print_json(_object(change))
        else:
            for line in _lines(ledger, change):
                say(line)
    return ExitCode.OK


def _lines(ledger: Ledger, change: TermChange) -> list[str]:
    term, before = change.term, change.before
    since = "" if term.valid_from is None else f" from {written(term.valid_from, ledger.zone)}"
    until = "" if term.valid_to is None else f" to {written(term.valid_to, ledger.zone)}"
    when = f"{since}{until}" or " at any time"
    replaced = "" if before is None else f" (before: {percent_of(before)})"
    effect = f"{percent_of(term)}, prices times {term.factor:f}"
    sentence = f"{term.kind} on {calls_of_term(term)}{when}: {effect}{replaced}"
    if term.factor == 1:
        sentence = f"no {term.kind} on {calls_of_term(term)}{when}{replaced}"
        if before is None:
            sentence += "; there was none of just these calls, and one of other calls stands"
    return [
        sentence,
        "Calls that come from now on are priced by it; `tallybook reprice` for those that are there.",
    ]


def _object(change: TermChange) -> dict[str, Any]:
    return {
        **term_object(change.term),
        "replaces": None if change.before is None else term_object(change.before),
        "unknown_names": list(change.unknown_names),
    }
