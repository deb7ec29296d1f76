"""The rows of the price book: read for pricing, and added.

They are append-only: no row is changed or deleted.
"""

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
"""Seconds after which a book checks whether prices were added."""

Generation = tuple[int, int, int]
"""The number of the newest row of each table. It changes when a row is added."""


def generation(connection: sa.Connection) -> Generation:
    """The generation of the stored prices: `stored` reads the same as long as it is the same."""
    newest = [
        sa.select(sa.func.coalesce(sa.func.max(table.c.number), 0)).scalar_subquery()
        for table in (price_point, price_term, price_alias)
    ]
    points, terms, aliases = connection.execute(sa.select(*newest)).one()
    return points, terms, aliases


def stored(ledger: Ledger, connection: sa.Connection) -> StoredPrices:
    """All stored prices, with the settings for prices."""
    return StoredPrices(
        points=tuple(points(connection)),
        terms=tuple(terms(connection)),
        aliases=tuple(_read(connection, price_alias, Alias)),
        trust=ledger.price_sources,
        computed=ledger.computed_costs,
        cost_factor=ledger.reported_cost_factor,
    )


@cache
def snapshot() -> GenaiPrices:
    """The price list that ships with the program, loaded once per process."""
    return GenaiPrices()


def read_book(ledger: Ledger) -> Book:
    """The ledger's current price book."""
    with ledger.reading() as connection:
        return Book(stored(ledger, connection), snapshot())


class LiveBook:
    """The ledger's price book for a long-running process; it sees prices that are added.

    Threads may share it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._cached: tuple[Generation, Book] | None = None
        self._checked = 0.0

    def current(self) -> Book:
        """The price book, at most a second old."""
        now = time.monotonic()
        if self._cached is None or now - self._checked >= _RENEWED:
            with self._ledger.reading() as connection:
                newest = generation(connection)
                if self._cached is None or self._cached[0] != newest:
                    self._cached = newest, Book(stored(self._ledger, connection), snapshot())
            self._checked = now
        return self._cached[1]


def points(connection: sa.Connection, where: sa.ColumnElement[bool] | None = None) -> list[PricePoint]:
    """Price points in the order in which they were added."""
    return _read(connection, price_point, PricePoint, where)


def terms(connection: sa.Connection) -> list[Term]:
    """Terms in the order in which they were added."""
    return _read(connection, price_term, Term)


def newer_than(number: int) -> sa.ColumnElement[bool]:
    """The condition for `points`: rows added after the row `number`."""
    return price_point.c.number > number


def from_sources(names: Collection[str]) -> sa.ColumnElement[bool]:
    """The condition for `points`: rows of these sources."""
    return price_point.c.source.in_(sorted(names))


def numbered(numbers: Iterable[int]) -> sa.ColumnElement[bool]:
    """The condition for `points`: rows with these numbers."""
    return price_point.c.number.in_(sorted(numbers))


def add_points(connection: sa.Connection, new: Iterable[PricePoint]) -> int:
    """Add price points, with audit entries; the number added."""
    points = list(new)
    for (source, by, at), added in _by_addition(points).items():
        models = sorted({f"{point.provider}/{point.model}" for point in added})
        detail = {"source": source, "prices": len(added)}
        if len(models) == 1:
            meters = {p.meter: "" if p.price is None else f"{p.price:f} per {p.per}" for p in added}
            detail |= {"meters": meters, "currency": added[0].currency, "from": _since(added[0].valid_from)}
        subject = models[0] if len(models) == 1 else f"{len(models)} models"
        _note(connection, "prices set" if source == OWN else "prices import", subject, by, at, detail)
    return _add(connection, price_point, points)


def add_terms(connection: sa.Connection, new: Iterable[Term]) -> int:
    """Add terms, with an audit entry for each; the number added."""
    terms = list(new)
    for term in terms:
        subject = f"{term.provider}/{term.model}"
        detail = {
            "factor": f"{term.factor:f}",
            "team": term.team,
            "customer": term.customer,
            "from": _since(term.valid_from),
        }
        _note(connection, f"prices {term.kind}", subject, term.added_by, term.added_at, detail)
    return _add(connection, price_term, terms)


def add_aliases(connection: sa.Connection, new: Iterable[Alias]) -> int:
    """Add aliases, with an audit entry for each; the number added."""
    aliases = list(new)
    for alias in aliases:
        detail = {"is": f"{alias.target_provider}/{alias.target_model}"}
        _note(
            connection,
            "prices alias",
            f"{alias.provider}/{alias.model}",
            alias.added_by,
            alias.added_at,
            detail,
        )
    return _add(connection, price_alias, aliases)


def _by_addition(points: Iterable[PricePoint]) -> dict[tuple[str, str, int], list[PricePoint]]:
    """The points grouped by source, user and time of their addition."""
    groups: dict[tuple[str, str, int], list[PricePoint]] = {}
    for point in points:
        groups.setdefault((point.source, point.added_by, point.added_at), []).append(point)
    return groups


def _since(at: int | None) -> str | None:
    return None if at is None else instant(at).isoformat()


def _note(
    connection: sa.Connection, action: str, subject: str, by: str, at: int, detail: dict[str, Any]
) -> None:
    audit.note(connection, audit.Entry(at=at, by=by, action=action, subject=subject, detail=detail))


def _add(connection: sa.Connection, table: sa.Table, new: Iterable[msgspec.Struct]) -> int:
    rows = [_values(added) for added in new]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(table.insert(), rows[start : start + _CHUNK])
    return len(rows)


def _values(added: msgspec.Struct) -> dict[str, Any]:
    """The values of a new row, without its number: the database assigns it.

    Prices and factors are decimal text.
    """
    values = {name: value for name, value in msgspec.structs.asdict(added).items() if name != "number"}
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
    """The rows of a table, with instants as integers and prices from their text."""
    columns = [sa.type_coerce(c, sa.BigInteger) if c.name in _INSTANTS else c for c in table.c]
    query = sa.select(*columns).order_by(table.c.number)
    if where is not None:
        query = query.where(where)
    names = [str(column.name) for column in table.c]  # msgspec refuses SQLAlchemy's subclass of str
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), kind, strict=False)
        for row in connection.execute(query)
    ]


_INSTANTS: Final = frozenset(("valid_from", "valid_to", "added_at"))
