"""The price book's rows: read for pricing, and added to. Nothing in them is ever changed or taken away."""

import time
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.prices import price_alias, price_point, price_term
from ingest.model.zone import instant
from ingest.pricing.book import Alias, Book, StoredPrices
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.snapshot import GenaiPrices
from ingest.pricing.terms import Term

_Row = TypeVar("_Row", PricePoint, Term, Alias)
_CHUNK: Final = 1_000
_RENEWED: Final = 1.0
"""Seconds after which a book asks whether prices were added."""

Generation = tuple[int, int, int]
"""The newest row of each table: the same as long as nothing was added."""


def generation(connection: sa.Connection) -> Generation:
    """Tells whether `stored` would read something else than before."""
    newest = [
        sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0)).scalar_subquery()
        for table in (price_point, price_term, price_alias)
    ]
    points, terms, aliases = connection.execute(sa.select(*newest)).one()
    return points, terms, aliases


def stored(ledger: Ledger, connection: sa.Connection) -> StoredPrices:
    """All that the ledger keeps of prices, with what its settings say of them."""
    return StoredPrices(
        points=tuple(points(connection)),
        terms=tuple(terms(connection)),
        aliases=tuple(_read(connection, price_alias, Alias)),
        trust=ledger.price_sources,
        computed=ledger.computed_costs,
    )


@cache
def snapshot() -> GenaiPrices:
    """The prices that ship with a release, loaded once in a process."""
    return GenaiPrices()


def read_book(ledger: Ledger) -> Book:
    """The ledger's price book as it is now."""
    with ledger.reading() as connection:
        return Book(stored(ledger, connection), snapshot())


class LiveBook:
    """The ledger's price book for a process that runs on while prices are added. Threads may share it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held: tuple[Generation, Book] | None = None
        self._seen = 0.0

    def current(self) -> Book:
        """The book as it was not longer than a second ago."""
        now = time.monotonic()
        if self._held is None or now - self._seen >= _RENEWED:
            with self._ledger.reading() as connection:
                newest = generation(connection)
                if self._held is None or self._held[0] != newest:
                    self._held = newest, Book(stored(self._ledger, connection), snapshot())
            self._seen = now
        return self._held[1]


def points(connection: sa.Connection, where: sa.ColumnElement[bool] | None = None) -> list[PricePoint]:
    """Price points in the order in which they were added."""
    return _read(connection, price_point, PricePoint, where)


def terms(connection: sa.Connection) -> list[Term]:
    """Terms in the order in which they were added."""
    return _read(connection, price_term, Term)


def newer_than(number: int) -> sa.ColumnElement[bool]:
    """Narrows `points` to rows added after that one."""
    return price_point.c.number > number


def from_sources(names: Collection[str]) -> sa.ColumnElement[bool]:
    """Narrows `points` to rows of some sources."""
    return price_point.c.source.in_(sorted(names))


def numbered(numbers: Iterable[int]) -> sa.ColumnElement[bool]:
    """Narrows `points` to rows by their numbers."""
    return price_point.c.number.in_(sorted(numbers))


def add_points(connection: sa.Connection, new: Iterable[PricePoint]) -> int:
    """Add price points, with a note of it, and say how many."""
    points = list(new)
    for (source, by, at), some in _by_hand(points).items():
        models = sorted({f"{one.provider}/{one.model}" for one in some})
        detail = {"source": source, "prices": len(some)}
        if len(models) == 1:
            meters = {one.meter: "" if one.price is None else f"{one.price:f} per {one.per}" for one in some}
            detail |= {"meters": meters, "currency": some[0].currency, "from": _since(some[0].valid_from)}
        subject = models[0] if len(models) == 1 else f"{len(models)} models"
        _note(connection, "prices set" if source == OWN else "prices import", subject, by, at, detail)
    return _add(connection, price_point, points)


def add_terms(connection: sa.Connection, new: Iterable[Term]) -> int:
    """Add terms, with a note of each, and say how many."""
    terms = list(new)
    for one in terms:
        subject = f"{one.provider}/{one.model}"
        detail = {
            "factor": f"{one.factor:f}",
            "team": one.team,
            "customer": one.customer,
            "from": _since(one.valid_from),
        }
        _note(connection, f"prices {one.kind}", subject, one.added_by, one.added_at, detail)
    return _add(connection, price_term, terms)


def add_aliases(connection: sa.Connection, new: Iterable[Alias]) -> int:
    """Add aliases, with a note of each, and say how many."""
    aliases = list(new)
    for one in aliases:
        detail = {"is": f"{one.target_provider}/{one.target_model}"}
        _note(connection, "prices alias", f"{one.provider}/{one.model}", one.added_by, one.added_at, detail)
    return _add(connection, price_alias, aliases)


def _by_hand(points: Iterable[PricePoint]) -> dict[tuple[str, str, int], list[PricePoint]]:
    """Points as they were added together: by source, by whom and when."""
    found: dict[tuple[str, str, int], list[PricePoint]] = {}
    for one in points:
        found.setdefault((one.source, one.added_by, one.added_at), []).append(one)
    return found


def _since(at: int | None) -> str | None:
    return None if at is None else instant(at).isoformat()


def _note(
    connection: sa.Connection, action: str, subject: str, by: str, at: int, detail: dict[str, Any]
) -> None:
    audit.note(connection, audit.Entry(at=at, by=by, action=action, subject=subject, detail=detail))


def _add(connection: sa.Connection, table: sa.Table, new: Iterable[msgspec.Struct]) -> int:
    rows = [_values(one) for one in new]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(table.insert(), rows[start : start + _CHUNK])
    return len(rows)


def _values(one: msgspec.Struct) -> dict[str, Any]:
    """A row's values: numbers of prices as decimal text. Its number is the database's to give."""
    values = {name: value for name, value in msgspec.structs.asdict(one).items() if name != "number"}
    for name in ("price", "factor"):
        if values.get(name) is not None:
            values[name] = f"{values[name]:f}"
    return values


def _read(
    connection: sa.Connection,
    table: sa.Table,
    kind: type[_Row],
    where: sa.ColumnElement[bool] | None = None,
) -> list[_Row]:
    """Rows as they stand in the table: instants as integers, prices from their text."""
    columns = [sa.type_coerce(one, sa.BigInteger) if one.name in _INSTANTS else one for one in table.c]
    wanted = sa.select(*columns).order_by(table.c.number)
    if where is not None:
        wanted = wanted.where(where)
    names = [
        str(column.name) for column in table.c
    ]  # a name of a column is more than text, which msgspec refuses
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), kind, strict=False)
        for row in connection.execute(wanted)
    ]


_INSTANTS: Final = frozenset(("valid_from", "valid_to", "added_at"))
