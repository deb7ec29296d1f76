"""A store in PostgreSQL: short read-only transactions, and only the columns that this user may read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ingest.model.zone import instant
from ingest.sync import rows
from ingest.sync.rows import Statements
from ingest.sync.store import PAGE, Away, Page, StoreError, Table, Unusable

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS: Final = 10
_DEFAULT_PORT: Final = "5432"

_COLUMNS: Final = """
    SELECT a.attname, t.typname, has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""

_USER_ERRORS: Final = ("password", "does not exist", "pg_hba.conf", "is not permitted", "SSL")
"""Words in connection errors of the server that a retry cannot fix."""

Values = Sequence[Any]


class PostgresStore:
    """The tables of one database."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None) -> None:
        """`user` and `password` are used if the URL has none.

        Raises:
            Unusable: the text is not a URL, or the driver is not installed.
        """
        self._conninfo = _conninfo(url, user, password)
        self.place = _place(self._conninfo)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._columns: dict[str, tuple[str, ...]] = {}
        self._aware: dict[str, bool] = {}

    def has(self, table: Table) -> bool:
        """Whether the database has this table with its marker columns."""
        kinds, readable = self._describe(table.name)
        if not kinds:
            return False
        if missing := set(table.marks) - kinds.keys():
            raise Unusable(
                f"{self.place}: its table {table.name} has no {', '.join(sorted(missing))}: "
                "it is another program's"
            )
        if not readable.issuperset(table.marks):
            raise self._forbidden(table.name)
        self._columns[table.name] = tuple(name for name in table.columns if name in readable)
        self._aware[table.name] = kinds[table.time] == "timestamptz"
        return True

    def _describe(self, table: str) -> tuple[dict[str, str], set[str]]:
        """The types of a table's columns, and the columns that this user may read."""
        column_rows = self._read(_COLUMNS, (rows.quoted(table),))
        return {name: kind for name, kind, _ in column_rows}, {name for name, _, may in column_rows if may}

    def pages(self, table: Table, since: int | None) -> Iterator[Page]:
        """The rows from `since` on, oldest first."""
        columns = self._columns[table.name]
        statements, read = Statements(table, columns, "%s"), rows.reader(table, columns)
        key, time = columns.index(table.key), columns.index(table.time)
        if since is None:
            values_of_rows = self._read(statements.first, (PAGE,), table.name)
        else:
            values_of_rows = self._read(statements.since, (self._bound(table, since), PAGE), table.name)
        while values_of_rows:
            yield read(values_of_rows)
            if len(values_of_rows) < PAGE:
                return
            values_of_rows = self._read(
                statements.after, (values_of_rows[-1][time], values_of_rows[-1][key], PAGE), table.name
            )

    def _bound(self, table: Table, since: int) -> datetime:
        when = instant(since)
        return when if self._aware[table.name] else when.replace(tzinfo=None)

    def rows(self, table: Table, keys: Sequence[str]) -> Page:
        """The rows with these keys."""
        columns = self._columns[table.name]
        by_key = Statements(table, columns, "%s").by_key(len(keys))
        return rows.reader(table, columns)(self._read(by_key, keys, table.name))

    def listing(self, name: str, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows of another table, with all `columns` that exist and this user may read."""
        _, readable = self._describe(name)
        if key not in readable:
            return
        readable_columns = [column for column in columns if column in readable]
        key_index = readable_columns.index(key)
        values_of_rows = self._read(
            rows.listing(name, key, readable_columns, "%s", first=True), (PAGE,), name
        )
        while values_of_rows:
            yield from (dict(zip(readable_columns, values, strict=True)) for values in values_of_rows)
            after = (values_of_rows[-1][key_index], PAGE)
            values_of_rows = self._read(
                rows.listing(name, key, readable_columns, "%s", first=False), after, name
            )

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, statement: str, parameters: Values, table: str | None = None) -> list[Values]:
        with self._translated_errors(table):
            connection = self._connect()
            with connection.transaction():
                return list(connection.execute(statement.encode(), parameters).fetchall())

    def _connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        if self._connection is None or self._connection.closed:
            import psycopg
            from psycopg.types.string import TextLoader

            self._connection = psycopg.connect(
                self._conninfo, connect_timeout=_CONNECT_SECONDS, autocommit=True, prepare_threshold=None
            )
            self._connection.read_only = True
            for kind in ("json", "jsonb"):  # keeps the digits of their numbers
                self._connection.adapters.register_loader(kind, TextLoader)
        return self._connection

    @contextmanager
    def _translated_errors(self, table: str | None) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.errors.InsufficientPrivilege:
            raise self._forbidden(table) from None
        except psycopg.OperationalError as error:
            self.close()
            message = _first_line(error)
            raise self._refused(
                message, is_users_error=any(word in message for word in _USER_ERRORS)
            ) from None
        except psycopg.Error as error:
            self.close()
            raise self._refused(_first_line(error), is_users_error=True) from None

    def _refused(self, message: str, *, is_users_error: bool) -> StoreError:
        if "password" in message:
            message += ": put the right one into the URL, TALLYBOOK_SYNC_PASSWORD, or ~/.pgpass"
        return (Unusable if is_users_error else Away)(f"{self.place}: {message}")

    def _forbidden(self, table: str | None) -> Unusable:
        what = f'"{table}"' if table else "its tables"
        return Unusable(
            f"{self.place}: this user may not read {what}: GRANT SELECT ON {what} TO it, "
            "and USAGE on the schema"
        )


def _conninfo(url: str, user: str | None, password: str | None) -> str:
    try:
        from psycopg import ProgrammingError, conninfo
    except ImportError as error:
        raise Unusable(f"for PostgreSQL install tallybook[postgres] ({error})") from None
    plain = "postgresql://" + url.partition("://")[2]
    try:
        url_values = conninfo.conninfo_to_dict(plain)
        missing = {"user": user, "password": password}
        added = {name: value for name, value in missing.items() if value and name not in url_values}
        return conninfo.make_conninfo(plain, application_name="tallybook", **added)
    except ProgrammingError:  # its message may contain the password
        raise Unusable(
            "this is no PostgreSQL URL: it looks like postgresql://USER:PASSWORD@HOST:5432/NAME, "
            "where a special character of the password is written as %XX"
        ) from None


def _place(conninfo: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    values = conninfo_to_dict(conninfo)
    host = values.get("host") or values.get("hostaddr") or values.get("service") or "localhost"
    port = str(values.get("port") or _DEFAULT_PORT)
    shown = host if port == _DEFAULT_PORT else f"{host}:{port}"
    return f"postgresql://{shown}/{values.get('dbname') or values.get('user') or ''}"


def _first_line(error: Exception) -> str:
    """The first line of the server's message."""
    return " ".join(str(error).split("\n")[0].split()) or type(error).__name__
