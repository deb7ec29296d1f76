"""Differences between the databases. Only this module, `types` and `engine` depend on which database is used.

Sums need no difference: `SUM(x // 10^9)` and `SUM(x % 10^9)`, joined in Python, are exact on every database,
while a plain 64-bit sum may overflow (SQLite raises an error, ClickHouse wraps silently).
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.visitors import InternalTraversal

Row = Sequence[Any]
_CHUNK = 500


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if _is_postgresql(connection) else sqlite.insert(table)


def insert_new(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> set[bytes]:
    """Insert the rows whose first column (a unique key) is new. Returns the keys of the inserted rows.

    Rows are plain tuples of driver values, because this path must be fast for millions of records.
    """
    if _is_postgresql(connection):
        return _copy_new(connection, table, columns, rows)
    return _insert_or_ignore(connection, table, columns, rows)


def insert_rows(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert rows of driver values at the full speed of the driver."""
    if _is_postgresql(connection):
        _copy(connection, table.name, ",".join(f'"{c}"' for c in columns), rows)
    else:
        _insert_sqlite(connection, "INSERT", table, columns, rows)


def _insert_sqlite(
    connection: sa.Connection, verb: str, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> sa.CursorResult[Any]:
    """Insert without the columns that are NULL in every row: Python's driver is slow to bind a None."""
    used = [index for index, values in enumerate(zip(*rows, strict=True)) if values.count(None) < len(values)]
    names = ",".join(f'"{columns[index]}"' for index in used)
    places = ",".join("?" * len(used))
    statement = f"{verb} INTO {table.name} ({names}) VALUES ({places})"
    return connection.exec_driver_sql(statement, list(map(itemgetter(*used), rows)))


def _insert_or_ignore(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> set[bytes]:
    newest: sa.Select[int] = sa.select(sa.func.coalesce(sa.func.max(sa.literal_column("rowid")), 0))
    before = connection.execute(newest.select_from(table)).scalar_one()
    done = _insert_sqlite(connection, "INSERT OR IGNORE", table, columns, rows)
    if done.rowcount == len(rows):
        return {row[0] for row in rows}
    unique = table.c[columns[0]]
    fresh = sa.select(sa.type_coerce(unique, sa.LargeBinary)).where(sa.literal_column("rowid") > before)
    return set(connection.execute(fresh).scalars())


def _copy_new(
    connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> set[bytes]:
    stage = f"stage_{table.name}"
    names = ",".join(f'"{c}"' for c in columns)
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {table.name} INCLUDING DEFAULTS) "
        "ON COMMIT DELETE ROWS"
    )
    connection.exec_driver_sql(f"TRUNCATE {stage}")
    _copy(connection, stage, names, rows)
    inserted = connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {stage} ORDER BY {columns[0]} "  # noqa: S608
        f"ON CONFLICT DO NOTHING RETURNING {columns[0]}"
    )
    return {bytes(value) for value in inserted.scalars()}


def _copy(connection: sa.Connection, table: str, names: str, rows: Sequence[Row]) -> None:
    import psycopg

    driver: Any = connection.connection.driver_connection
    statement = f"COPY {table} ({names}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise _as_of_sqlalchemy(connection, statement, error) from error


def _as_of_sqlalchemy(connection: sa.Connection, statement: str, error: Any) -> DBAPIError:
    """An error of the driver in the class that SQLAlchemy gives to errors of its own statements."""
    dialect = connection.dialect
    is_lost = dialect.is_disconnect(error, None, None)
    wrapped = DBAPIError.instance(
        statement, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
    )
    assert isinstance(wrapped, DBAPIError), "made of an error of the driver"
    if is_lost:
        connection.invalidate(error)
    return wrapped


def refuses_data(error: BaseException) -> bool:
    """Whether the database, or its driver, does not take a value: the same statement fails again.

    PostgreSQL takes no NUL in a text and no index entry over 2,704 bytes, SQLite no integer beyond 64 bits.
    """
    if isinstance(error, OverflowError | UnicodeError | sa.exc.DataError | sa.exc.IntegrityError):
        return True
    if type(error) is sa.exc.StatementError:  # a value that a column's type cannot convert
        return True
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    return bool({"DataError", "IntegrityError", "ProgramLimitExceeded"} & kinds)


def lock_by_name(connection: sa.Connection, name: str) -> None:
    """Take the lock `name` until the end of the transaction, waiting while another transaction has it.

    On SQLite there is only one write transaction at a time, so no lock is needed.
    """
    if _is_postgresql(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))


def chunks(values: Sequence[Any], size: int = _CHUNK) -> list[Sequence[Any]]:
    """`values` in pieces small enough for the parameters of one statement on every database."""
    return [values[start : start + size] for start in range(0, len(values), size)]


class label(ColumnElement[str]):  # noqa: N801 - used as an SQL function
    """The text of a single label in the JSON text column `labels`; NULL where it is missing."""

    type = sa.Text()
    _traverse_internals = [  # noqa: RUF012 - SQLAlchemy's own shape
        ("column", InternalTraversal.dp_clauseelement),
        ("key", InternalTraversal.dp_string),
    ]

    key: str

    def __init__(self, column: ColumnElement[Any], key: str) -> None:
        self.column = column
        self.key = key


@compiles(label, "sqlite")
def _label_sqlite(element: label, compiler: Any, **kw: Any) -> str:
    path = compiler.process(sa.literal('$."' + element.key.replace('"', '\\"') + '"'), **kw)
    return f"json_extract({compiler.process(element.column, **kw)}, {path})"


@compiles(label, "postgresql")
def _label_postgresql(element: label, compiler: Any, **kw: Any) -> str:
    column, key = compiler.process(element.column, **kw), compiler.process(sa.literal(element.key), **kw)
    return f"(CAST({column} AS jsonb) ->> {key})"


def lock_by_number(connection: sa.Connection, number: int, *, shared: bool) -> None:
    """Take the lock `number`, shared or exclusive, until the end of the transaction; wait for it if needed.

    On SQLite there is only one write transaction at a time, so no lock is needed.
    """
    if _is_postgresql(connection):
        lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
        connection.execute(sa.select(lock(number)))


def _is_postgresql(connection: sa.Connection) -> bool:
    return connection.dialect.name == "postgresql"
