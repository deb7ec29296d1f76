"""Pricing again: stored events at the prices of today's book, each at the time of its call.

A run goes through the events in slices, each one transaction: what changed, the marks of the slots, and how far the run has
come are committed together, so that a run which is killed goes on where it was. What a source reported stays as it is, and an
event that is revised while a run is under way is left to the prices that its revision came with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from ingest.clock import now
from ingest.ledger import dirty_slots
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Ledger
from ingest.ledger.event_reader import StoredCall, is_same_charge, read_calls
from ingest.ledger.fields import FACTS
from ingest.ledger.price_book import generation, snapshot, stored
from ingest.ledger.price_sets import row_of
from ingest.price_book import reprice_runs
from ingest.price_book.reprice_runs import Change, Prices, Run, Scope, Where
from ingest.pricing.book import Book
from ingest.pricing.charge import MONEY, Charge
from ingest.pricing.pricing import price
from ingest.pricing.rates import PriceSet, Unpriced

SLICE: Final = 2_000
"""Events in one transaction, so that it is short."""

_MONEY: Final = tuple(name for name in FACTS if name in MONEY)

Heard = Callable[[int, int], None]
"""Is told how many events of all in scope were looked at since it was last told, and how many there are in all."""


@dataclass(slots=True)
class Repricing:
    """What a run has found so far."""

    examined: int = 0
    changed: int = 0
    by_model: dict[tuple[str, str, str], Change] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """What changed by model, the largest difference first."""
        return sorted(
            self.by_model.values(),
            key=lambda one: (-abs(one.difference), -one.events, one.provider, one.model),
        )

    def note(self, old: StoredCall, new: Charge, currency: str) -> None:
        """Count an event whose charge changes."""
        self.changed += 1
        event, before = old.event, old.charge
        key = (event.provider, event.model, currency)
        change = self.by_model.setdefault(key, Change(provider=key[0], model=key[1], currency=key[2]))
        change.events += 1
        change.before += before.total_cost or 0
        change.after += new.total_cost or 0
        change.unpriced_before += before.total_cost is None
        change.unpriced_after += new.total_cost is None


@dataclass(frozen=True, slots=True)
class _Changed:
    old: StoredCall
    new: Charge
    currency: str


class _Noting:
    """The price book, noting which price sets it gave."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.given: dict[str, PriceSet] = {}

    def find(self, *asked: Any) -> PriceSet | Unpriced:
        found = self._book.find(*asked)
        if isinstance(found, PriceSet):
            self.given[found.digest] = found
        return found

    def counts_computed(self, source: str) -> bool:
        return self._book.counts_computed(source)


def rehearse(ledger: Ledger, scope: Scope, heard: Heard = lambda *_: None) -> Repricing:
    """What a run would change; nothing is written."""
    found = Repricing()
    with ledger.reading() as connection:
        book = _Noting(Book(stored(ledger, connection), snapshot()))
        where = reprice_runs.events_in(connection, scope)
        total, reached = reprice_runs.count(connection, where), 0
        while rows := read_calls(connection, reached, SLICE, where):
            _priced(rows, book, found)
            reached = rows[-1].seq
            heard(len(rows), total)
    return found


def reprice(ledger: Ledger, scope: Scope, who: str, heard: Heard = lambda *_: None) -> Run:
    """Price the events in scope again, and keep the record of it."""
    with ledger.writing() as connection:
        points, terms, aliases = generation(connection)
        prices = Prices(points=points, terms=terms, aliases=aliases, snapshot=snapshot().origin)
        run_id = reprice_runs.start(connection, scope, prices, now(), who)
    return _run(ledger, run_id, scope, Repricing(), 0, heard)


def resume(ledger: Ledger, run: Run, heard: Heard = lambda *_: None) -> Run:
    """Go on with a run that was interrupted, at the prices of now."""
    found = Repricing(run.examined, run.changed)
    found.by_model = {(one.provider, one.model, one.currency): one for one in run.changes}
    return _run(ledger, run.run_id, run.scope, found, run.reached, heard)


def _run(ledger: Ledger, run_id: int, scope: Scope, found: Repricing, reached: int, heard: Heard) -> Run:
    with ledger.reading() as connection:
        book = _Noting(Book(stored(ledger, connection), snapshot()))
        where = reprice_runs.events_in(connection, scope)
        total = reprice_runs.count(connection, [*where, reprice_runs.rows_after(reached)])
        # Events that come in from here on are priced by today's book already.
        where.append(reprice_runs.rows_to(reprice_runs.last_row(connection)))
    try:
        while (ahead := _slice(ledger, run_id, where, book, found, reached)) is not None:
            reached, looked_at = ahead
            heard(looked_at, total)
        status: reprice_runs.Status = "done"
    except BaseException:
        status = "interrupted"
        raise
    finally:
        with ledger.writing() as connection:
            reprice_runs.end(connection, run_id, status, now())
    with ledger.reading() as connection:
        return reprice_runs.run(connection, run_id)


def _slice(
    ledger: Ledger,
    run_id: int,
    where: Where,
    book: _Noting,
    found: Repricing,
    reached: int,
) -> tuple[int, int] | None:
    """One slice: the row that it reached and how many events it looked at; None behind the last."""
    with ledger.reading() as connection:
        rows = read_calls(connection, reached, SLICE, where)
    if not rows:
        return None
    changed = _priced(rows, book, found)
    with ledger.writing() as connection:
        lookup = ledger.dictionary.lookup(connection, now())
        _write(connection, lookup, book, changed)
        dirty_slots.mark(connection, ledger.zone, (one.old.occurred_at for one in changed))
        reprice_runs.go_on(connection, run_id, rows[-1].seq, found.examined, found.changed, found.changes)
    lookup.remember()
    return rows[-1].seq, len(rows)


def _priced(rows: Sequence[StoredCall], book: _Noting, found: Repricing) -> list[_Changed]:
    """The events whose charge is another one now."""
    changed = []
    for old in rows:
        found.examined += 1
        new = price(old.event, book, old.occurred_at)
        if not is_same_charge(new, old.charge):
            prices = book.given.get(new.price_set) if new.price_set else None
            currency = prices.currency if prices and old.event.reported is None else old.event.currency
            found.note(old, new, currency)
            changed.append(_Changed(old, new, currency))
    return changed


def _write(connection: Connection, lookup: Lookup, book: _Noting, changed: Sequence[_Changed]) -> None:
    """Put new charges in place. An event that was revised meanwhile has another row, and keeps its charge."""
    if not changed:
        return
    digests = sorted({one.new.price_set for one in changed if one.new.price_set})
    prices = lookup.price_sets([row_of(book.given[digest]) for digest in digests])
    words = {text for one in changed for text in (one.new.cost_source, one.new.unpriced_reason, one.currency)}
    terms = lookup.terms(words)
    rows = [
        {
            reprice_runs.OF_ROW: one.old.seq,
            "price_set_id": prices[one.new.price_set],
            "cost_source_id": terms[one.new.cost_source],
            "unpriced_reason_id": terms[one.new.unpriced_reason],
            "currency_id": terms[one.currency],
            **{name: getattr(one.new, name) for name in _MONEY},
        }
        for one in changed
    ]
    reprice_runs.put_charges(connection, rows)


def amounts(changes: Sequence[Change]) -> dict[str, tuple[int, int]]:
    """The totals before and after of the events that changed, by currency, in pico-units."""
    found: dict[str, tuple[int, int]] = {}
    for one in changes:
        before, after = found.get(one.currency, (0, 0))
        found[one.currency] = (before + one.before, after + one.after)
    return found
