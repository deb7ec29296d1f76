"""`tallybook prices terms`: discounts, mark-ups and surcharges of regions, and other names of models."""

from rich.console import Console

from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.price_book import read_book
from ingest.parse.dates import written
from ingest.price_book.descriptions import calls_of_term, term_object
from ingest.pricing.book import Alias, Book
from ingest.pricing.snapshot import TERMS
from ingest.pricing.terms import Term, percent_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, say, table


def run(*, as_json: bool) -> int:
    """Print them, the newest first; the exit code."""
    with open_ledger(Settings()) as ledger:
        book = read_book(ledger)
        if as_json:
            print_json(answer(book))
        else:
            _print(ledger, book)
    return ExitCode.OK


def answer(book: Book) -> dict[str, object]:
    """Terms and aliases as JSON has them. Those that ship with a release have no row."""
    return {
        "terms": [{"row": one.number or None, **term_object(one)} for one in _terms(book)],
        "aliases": [
            {
                "row": one.number,
                "provider": one.provider,
                "model": one.model,
                "target_provider": one.target_provider,
                "target_model": one.target_model,
                "added_at": written(one.added_at),
                "added_by": one.added_by,
            }
            for one in _aliases(book)
        ],
    }


def _terms(book: Book) -> list[Term]:
    return sorted((*TERMS, *book.stored.terms), key=lambda one: -one.number)


def _aliases(book: Book) -> list[Alias]:
    return sorted(book.stored.aliases, key=lambda one: -one.number)


def _print(ledger: Ledger, book: Book) -> None:
    terms = table("term", "calls", "factor", "valid", "added", "note")
    for one in _terms(book):
        when = " ".join(
            f"{word} {written(edge, ledger.zone)}"
            for word, edge in (("from", one.valid_from), ("to", one.valid_to))
            if edge is not None
        )
        added = f"{written(one.added_at, ledger.zone)} {one.added_by}" if one.added_at else "with the release"
        kind = f"{one.kind} {percent_of(one)}"
        terms.add_row(kind, calls_of_term(one), f"{one.factor:f}", when or "always", added, one.origin)
    Console().print(terms)
    for alias in _aliases(book):
        target = f"{alias.target_provider}/{alias.target_model}"
        said = f"{alias.provider}/{alias.model} is priced as {target} ({alias.added_by})"
        say(said)
