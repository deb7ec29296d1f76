"""`tallybook prices terms`: discounts, mark-ups, region surcharges, and model aliases."""

from ingest.ledger.engine import Ledger, open_to_read
from ingest.ledger.price_book import read_book
from ingest.parse.dates import written
from ingest.price_book.descriptions import calls_of_term, term_object
from ingest.pricing.book import Alias, Book
from ingest.pricing.terms import Term, percent_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, print_json, say, table


def run(*, as_json: bool) -> int:
    """Print terms and aliases, the newest first; the exit code."""
    with open_to_read(Settings()) as ledger:
        book = read_book(ledger)
        if as_json:
            print_json(as_object(book))
        else:
            _print(ledger, book)
    return ExitCode.OK


def as_object(book: Book) -> dict[str, object]:
    """Terms and aliases as `--json` prints them; terms that ship with a release have no row number."""
    return {
        "terms": [{"row": term.number or None, **term_object(term)} for term in _terms(book)],
        "aliases": [
            {
                "row": alias.number,
                "provider": alias.provider,
                "model": alias.model,
                "target_provider": alias.target_provider,
                "target_model": alias.target_model,
                "added_at": written(alias.added_at),
                "added_by": alias.added_by,
            }
            for alias in _aliases(book)
        ],
    }


def _terms(book: Book) -> list[Term]:
    return sorted(book.terms, key=lambda term: -term.number)


def _aliases(book: Book) -> list[Alias]:
    return sorted(book.stored.aliases, key=lambda alias: -alias.number)


def _print(ledger: Ledger, book: Book) -> None:
    terms = table("term", "calls", "factor", "valid", "added", "note")
    of_the_map = set(book.litellm.terms)
    for term in _terms(book):
        if term in of_the_map:
            continue
        when = " ".join(
            f"{word} {written(edge, ledger.zone)}"
            for word, edge in (("from", term.valid_from), ("to", term.valid_to))
            if edge is not None
        )
        added = (
            f"{written(term.added_at, ledger.zone)} {term.added_by}" if term.added_at else "with the release"
        )
        kind = f"{term.kind} {percent_of(term)}"
        terms.add_row(kind, calls_of_term(term), f"{term.factor:f}", when or "always", added, term.origin)
    console().print(terms)
    say(f"and {len(of_the_map):,} factors of regions from {book.litellm.origin} (--json lists them)")
    for alias in _aliases(book):
        target = f"{alias.target_provider}/{alias.target_model}"
        text = f"{alias.provider}/{alias.model} is priced as {target} ({alias.added_by})"
        say(text)
