"""Gateways whose stores can be read: their tables with calls, and the columns that may be read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from ingest.formats.bifrost import log, mcp_log
from ingest.formats.bifrost.row import LogRow
from ingest.formats.litellm import spend_log
from ingest.ledger.directory import DirectoryEntry
from ingest.ledger.key_hashes import KeyRing
from ingest.settings import Settings
from ingest.sync import litellm_directory
from ingest.sync.sqlite_store import SqliteStore
from ingest.sync.store import Store, Table, Unusable

DirectoryReader = Callable[[Store, KeyRing], Iterable[DirectoryEntry]]


def _no_entries(_store: Store, _keyring: KeyRing) -> Iterable[DirectoryEntry]:
    return ()


@dataclass(frozen=True, slots=True)
class Gateway:
    """One kind of gateway."""

    name: str
    title: str
    tables: tuple[Table, ...]
    file: str | None
    """The file name of its store in a folder."""
    directory_entries: DirectoryReader = _no_entries
    """Reads keys, teams and customers stored beside the calls."""


BIFROST: Final = Gateway(
    name="bifrost",
    title="Bifrost",
    file="logs.db",
    tables=(
        Table(
            name="logs",
            key="id",
            time="timestamp",
            columns=LogRow.__struct_encode_fields__,
            format=log.FORMAT,
            marks=("id", "timestamp", "status", "provider", "model"),
            status="status",
            path="/api/logs",
        ),
        Table(
            name="mcp_tool_logs",
            key="id",
            time="timestamp",
            columns=mcp_log.ToolCallRow.__struct_encode_fields__,
            format=mcp_log.FORMAT,
            marks=("id", "timestamp", "status", "tool_name", "cost"),
            status="status",
            paid="cost",
            path="/api/mcp-logs",
            optional=True,
        ),
    ),
)

LITELLM: Final = Gateway(
    name="litellm",
    title="LiteLLM",
    file=None,
    tables=(
        Table(
            name="LiteLLM_SpendLogs",
            key="request_id",
            time="startTime",
            columns=spend_log.SpendLogRow.__struct_encode_fields__,
            format=spend_log.FORMAT,
            marks=("request_id", "startTime", "spend"),
        ),
    ),
    directory_entries=litellm_directory.directory_entries,
)

GATEWAYS: Final = {gateway.name: gateway for gateway in (BIFROST, LITELLM)}


def open_store(gateway: Gateway, url: str, settings: Settings) -> Store:
    """The store at `url`: a path, or a URL of SQLite, PostgreSQL or the gateway's API.

    Raises:
        Unusable: the URL is of another kind, or this gateway has no API that can be read.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return SqliteStore(_file(gateway, url))
    password = settings.sync_password.get_secret_value() if settings.sync_password else None
    match scheme.lower():
        case "sqlite" | "sqlite3":
            return SqliteStore(_file(gateway, unquote(rest.removeprefix("/").partition("?")[0])))
        case "postgresql" | "postgres" | "postgresql+psycopg":
            from ingest.sync.postgres_store import PostgresStore

            return PostgresStore(url, settings.sync_user, password)
        case "http" | "https" if any(table.path for table in gateway.tables):
            from ingest.sync.http_store import HttpStore

            return HttpStore(url, settings.sync_user, password)
    ways = "a path, sqlite:///PATH or postgresql://..."
    if any(table.path for table in gateway.tables):
        ways += " or http(s)://..."
    raise Unusable(f"{gateway.title} has no store at a {scheme}:// URL: give {ways}")


def _file(gateway: Gateway, path: str) -> Path:
    """The file at a path: the path itself, or the store in a folder."""
    file = Path(path)
    return file / gateway.file if gateway.file and file.is_dir() else file
