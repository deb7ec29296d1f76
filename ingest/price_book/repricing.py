"""Repricing: price stored events by today's price book, each at the time of its call.

A run processes events in slices. Each slice is one transaction that commits the new charges, the dirty
slots and the progress of the run together, so that a killed run can be resumed. Reported costs stay as they
are. An event that is revised during a run keeps the charge of its revision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.clock import now
from ingest.ledger import dirty_slots
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.event_reader import StoredCall, is_same_charge, read_calls
from ingest.ledger.fields import FACTS
from ingest.ledger.price_book import generation, snapshot, stored
from ingest.ledger.price_sets import row_of
from ingest.model.flags import OF_PRICING, joined
from ingest.price_book import reprice_runs
from ingest.price_book.reprice_runs import ModelChange, PriceBookVersion, Run, Scope, Where
from ingest.pricing.book import Book
from ingest.pricing.charge import MONEY, Charge
from ingest.pricing.doubts import doubts
from ingest.pricing.litellm_snapshot import litellm_snapshot
from ingest.pricing.pricing import price
from ingest.pricing.rates import PriceSet, Unpriced

SLICE_SIZE: Final = 2_000
"""The number of events in one transaction; few, so that transactions are short."""

_MONEY: Final = tuple(name for name in FACTS if name in MONEY)

ReportProgress = Callable[[int, int], None]
"""Called after each slice with the number of its events and the number of events to examine in all."""


@dataclass(slots=True)
class Repricing:
    """The counts and changes of a run so far."""

    examined: int = 0
    changed: int = 0
    by_model: dict[tuple[str, str, str], ModelChange] = field(default_factory=dict)

    @property
    def changes(self) -> list[ModelChange]:
        """The changes by model and currency, the largest difference first."""
        return sorted(
            self.by_model.values(),
            key=lambda change: (-abs(change.difference), -change.events, change.provider, change.model),
        )

    def note(self, old: StoredCall, new: Charge, currency: str) -> None:
        """Count an event whose charge changes."""
        self.changed += 1
        event, before = old.event, old.charge
        key = (event.provider, event.model, currency)
        change = self.by_model.setdefault(key, ModelChange(provider=key[0], model=key[1], currency=key[2]))
        change.events += 1
        change.before += before.total_cost or 0
        change.after += new.total_cost or 0
        change.unpriced_before += before.total_cost is None
        change.unpriced_after += new.total_cost is None


@dataclass(frozen=True, slots=True)
class _ChangedCharge:
    old: StoredCall
    new: Charge
    flags: str | None
    currency: str


class _RecordingBook:
    """A price book that records the price sets it returns, by digest."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.price_sets: dict[str, PriceSet] = {}

    def find(self, *key: Any) -> PriceSet | Unpriced:
        prices = self._book.find(*key)
        if isinstance(prices, PriceSet):
            self.price_sets[prices.digest] = prices
        return prices

    def counts_computed(self, source: str) -> bool:
        return self._book.counts_computed(source)

    def flags(self, old: StoredCall, new: Charge) -> str | None:
        """The flags of a call as the ledger stores them: those of pricing anew, the others as they are."""
        doubted = doubts(new, self._book.stored.cost_factor)
        return joined((*(flag for flag in old.flags if flag not in OF_PRICING), *doubted))


def dry_run(ledger: Ledger, scope: Scope, report: ReportProgress = lambda *_: None) -> Repricing:
    """What a run would change, without writing anything."""
    result = Repricing()
    with ledger.reading() as connection:
        book = _RecordingBook(Book(stored(ledger, connection), snapshot()))
        where = reprice_runs.event_conditions(connection, scope)
        total, reached = reprice_runs.count(connection, where), 0
        while rows := read_calls(connection, reached, SLICE_SIZE, where):
            _price_events(rows, book, result)
            reached = rows[-1].seq
            report(len(rows), total)
    return result


def reprice(ledger: Ledger, scope: Scope, by: str, report: ReportProgress = lambda *_: None) -> Run:
    """Price the events in scope by today's price book; the record of the run."""
    with ledger.writing() as connection:
        points, terms, aliases = generation(connection)
        shipped = f"{snapshot().origin}, {litellm_snapshot().origin}"
        prices = PriceBookVersion(points=points, terms=terms, aliases=aliases, snapshot=shipped)
        run_id = reprice_runs.start(connection, scope, prices, now(), by)
    return _run(ledger, run_id, scope, Repricing(), 0, report)


def resume(ledger: Ledger, run: Run, report: ReportProgress = lambda *_: None) -> Run:
    """Resume an interrupted run with today's price book; the record of the run."""
    result = Repricing(run.examined, run.changed)
    result.by_model = {(change.provider, change.model, change.currency): change for change in run.changes}
    return _run(ledger, run.run_id, run.scope, result, run.reached, report)


def _run(
    ledger: Ledger, run_id: int, scope: Scope, result: Repricing, reached: int, report: ReportProgress
) -> Run:
    with ledger.reading() as connection:
        book = _RecordingBook(Book(stored(ledger, connection), snapshot()))
        where = reprice_runs.event_conditions(connection, scope)
        total = reprice_runs.count(connection, [*where, reprice_runs.rows_after(reached)])
        # Later events are already priced by today's price book.
        where.append(reprice_runs.rows_up_to(reprice_runs.last_row(connection)))
    try:
        while (progress := _reprice_slice(ledger, run_id, where, book, result, reached)) is not None:
            reached, looked_at = progress
            report(looked_at, total)
        status: reprice_runs.Status = "done"
    except BaseException:
        status = "interrupted"
        raise
    finally:
        with ledger.writing() as connection:
            reprice_runs.end(connection, run_id, status, now())
    with ledger.reading() as connection:
        return reprice_runs.run(connection, run_id)


def _reprice_slice(
    ledger: Ledger,
    run_id: int,
    where: Where,
    book: _RecordingBook,
    result: Repricing,
    reached: int,
) -> tuple[int, int] | None:
    """Reprice the next slice; its last row and its number of events, or None if there are no more events."""
    with ledger.reading() as connection:
        rows = read_calls(connection, reached, SLICE_SIZE, where)
    if not rows:
        return None
    changed = _price_events(rows, book, result)
    with ledger.writing() as connection:
        lookup = ledger.dictionary.lookup(connection, now())
        _write(connection, lookup, book, changed)
        dirty_slots.mark(connection, ledger.zone, (change.old.occurred_at for change in changed))
        reprice_runs.record_progress(
            connection, run_id, rows[-1].seq, result.examined, result.changed, result.changes
        )
    lookup.remember()
    return rows[-1].seq, len(rows)


def _price_events(
    rows: Sequence[StoredCall], book: _RecordingBook, result: Repricing
) -> list[_ChangedCharge]:
    """The events whose charge changes; `result` counts all events and the changes."""
    changed = []
    for old in rows:
        result.examined += 1
        new = price(old.event, book, old.occurred_at)
        flags = book.flags(old, new)
        if not is_same_charge(new, old.charge) or flags != joined(old.flags):
            prices = book.price_sets.get(new.price_set) if new.price_set else None
            currency = prices.currency if prices and old.event.reported is None else old.event.currency
            result.note(old, new, currency)
            changed.append(_ChangedCharge(old, new, flags, currency))
    return changed


def _write(
    connection: Connection, lookup: Lookup, book: _RecordingBook, changed: Sequence[_ChangedCharge]
) -> None:
    """Write the new charges. An event that was revised meanwhile has another row, so it keeps its charge."""
    if not changed:
        return
    digests = sorted({change.new.price_set for change in changed if change.new.price_set})
    prices = lookup.price_sets([row_of(book.price_sets[digest]) for digest in digests])
    texts: set[str | None] = set()
    for change in changed:
        texts |= {change.currency, change.flags, change.new.cost_source, change.new.unpriced_reason}
    terms = lookup.terms(texts)
    rows = [
        {
            reprice_runs.ROW_PARAMETER: change.old.seq,
            "price_set_id": prices[change.new.price_set],
            "cost_source_id": terms[change.new.cost_source],
            "unpriced_reason_id": terms[change.new.unpriced_reason],
            "currency_id": terms[change.currency],
            "flags_id": terms[change.flags],
            **{name: getattr(change.new, name) for name in _MONEY},
        }
        for change in changed
    ]
    reprice_runs.replace_charges(connection, rows)


def amounts(changes: Sequence[ModelChange]) -> dict[str, tuple[int, int]]:
    """The totals before and after of the changed events, by currency, in pico-units."""
    totals: dict[str, tuple[int, int]] = {}
    for change in changes:
        before, after = totals.get(change.currency, (0, 0))
        totals[change.currency] = (before + change.before, after + change.after)
    return totals
