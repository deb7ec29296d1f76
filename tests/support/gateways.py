"""Gateways for tests: Bifrost's log store with the columns that its versions have, and its log API."""

import base64
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

START = datetime(2026, 10, 1, 8, tzinfo=UTC)

CONTENT = [
    "input_history",
    "responses_input_history",
    "output_message",
    "responses_output",
    "embedding_output",
    "params",
    "tools",
    "tool_calls",
    "speech_input",
    "content_summary",
    "raw_request",
    "raw_response",
    "passthrough_request_body",
    "redaction_mapping",
]

LOGS = {
    "id": "varchar(255) PRIMARY KEY",
    "parent_request_id": "varchar(255)",
    "timestamp": "datetime NOT NULL",
    "object_type": "varchar(255) NOT NULL",
    "provider": "varchar(255) NOT NULL",
    "model": "varchar(255) NOT NULL",
    "alias": "varchar(255)",
    "served_model": "varchar(255)",
    "session_id": "varchar(255)",
    "batch_debug": "text",
    "video_debug": "text",
    "number_of_retries": "integer DEFAULT 0",
    "fallback_index": "integer DEFAULT 0",
    "selected_key_id": "varchar(255)",
    "selected_key_name": "varchar(255)",
    "virtual_key_id": "varchar(255)",
    "virtual_key_name": "varchar(255)",
    "routing_engines_used": "varchar(255)",
    "team_id": "varchar(255)",
    "team_name": "varchar(255)",
    "customer_id": "varchar(255)",
    "customer_name": "varchar(255)",
    "team_ids": "text",
    "customer_ids": "text",
    "cache_debug": "text",
    "latency": "real",
    "token_usage": "text",
    "cost": "real",
    "status": "varchar(50) NOT NULL",
    "stop_reason": "varchar(50)",
    "error_details": "text",
    "stream": "numeric DEFAULT false",
    "metadata": "text",
    "prompt_tokens": "integer DEFAULT 0",
    "completion_tokens": "integer DEFAULT 0",
    "total_tokens": "integer DEFAULT 0",
    "cached_read_tokens": "integer DEFAULT 0",
    "created_at": "datetime NOT NULL",
    **dict.fromkeys(CONTENT, "text"),
}
OLD = [name for name in LOGS if name not in {"alias", "team_ids", "customer_ids", "stop_reason", "metadata"}]
"""The columns of an older version."""

MCP = {
    "id": "varchar(255) PRIMARY KEY",
    "request_id": "varchar(255)",
    "llm_request_id": "varchar(255)",
    "timestamp": "datetime NOT NULL",
    "tool_name": "varchar(255) NOT NULL",
    "server_label": "varchar(255)",
    "virtual_key_id": "varchar(255)",
    "virtual_key_name": "varchar(255)",
    "project_id": "varchar(255)",
    "arguments": "text",
    "result": "text",
    "error_details": "text",
    "latency": "real",
    "cost": "real",
    "status": "varchar(50) NOT NULL",
    "metadata": "text",
    "created_at": "datetime NOT NULL",
}


def stamp(when: datetime) -> str:
    """A time as the gateway's SQLite driver writes it."""
    return when.isoformat(sep=" ")


def row(n: int, *, at: datetime | None = None, **facts: Any) -> dict[str, Any]:
    """The n-th call: ten a minute, 100 and some tokens in, 10 out, 0.0001 a call and a bit."""
    when = at or START + timedelta(seconds=6 * n)
    tokens = 100 + n % 7
    usage = {"prompt_tokens": tokens, "completion_tokens": 10, "total_tokens": tokens + 10}
    values: dict[str, Any] = {
        "id": f"req-{n:07d}",
        "timestamp": when,
        "object_type": "chat_completion",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "fallback_index": 0,
        "number_of_retries": 0,
        "selected_key_name": "openai-1",
        "virtual_key_id": f"vk-{n % 3}",
        "virtual_key_name": f"Key {n % 3}",
        "team_id": "t-1",
        "team_name": "Search",
        "cache_debug": "",
        "latency": 58.76175,
        "token_usage": json.dumps(usage),
        "cost": (100 + n % 5) * 1e-6,
        "status": "success",
        "stop_reason": "stop",
        "error_details": "",
        "stream": 0,
        "metadata": '{"job": "nightly"}',
        "prompt_tokens": tokens,
        "completion_tokens": 10,
        "total_tokens": tokens + 10,
        "created_at": when,
        **dict.fromkeys(CONTENT, "SECRET WORDS"),
    }
    return values | facts


def processing(n: int, **facts: Any) -> dict[str, Any]:
    """The n-th call while it runs."""
    nothing = {"token_usage": "", "cost": None, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return row(n, status="processing", stop_reason=None) | nothing | facts


def tool_call(n: int, cost: float | None, **facts: Any) -> dict[str, Any]:
    """The n-th tool call."""
    when = START + timedelta(seconds=6 * n)
    return {
        "id": f"mcp-{n}",
        "llm_request_id": f"req-{n:07d}",
        "timestamp": when,
        "tool_name": "search_web",
        "server_label": "research",
        "virtual_key_id": "vk-1",
        "arguments": '{"q": "SECRET WORDS"}',
        "result": '"SECRET WORDS"',
        "latency": 12.5,
        "cost": cost,
        "status": "success",
        "created_at": when,
    } | facts


class Gateway(Protocol):
    """A gateway that writes its log somewhere."""

    def write(self, *rows: dict[str, Any]) -> None:
        """Insert rows, or write them anew."""
        ...

    def write_tool_calls(self, *rows: dict[str, Any]) -> None: ...

    def delete(self, *keys: str) -> None: ...


class Bifrost:
    """The log store of a gateway that runs: SQLite in WAL mode, held open and written."""

    def __init__(self, path: Path, columns: Iterable[str] = LOGS, *, wal: bool = True) -> None:
        self.path = path
        self._held = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        if wal:
            self._held.execute("PRAGMA journal_mode=WAL")
        self._columns = list(columns)
        types = ", ".join(f'"{name}" {LOGS[name]}' for name in self._columns)
        self._held.execute(f"CREATE TABLE IF NOT EXISTS logs ({types})")
        self._held.execute("CREATE INDEX IF NOT EXISTS idx_logs_timestamp ON logs(timestamp)")
        types = ", ".join(f'"{name}" {kind}' for name, kind in MCP.items())
        self._held.execute(f"CREATE TABLE IF NOT EXISTS mcp_tool_logs ({types})")

    def write(self, *rows: dict[str, Any]) -> None:
        """Insert rows, or write them anew."""
        self._write("logs", self._columns, rows)

    def write_tool_calls(self, *rows: dict[str, Any]) -> None:
        self._write("mcp_tool_logs", list(MCP), rows)

    def _write(self, table: str, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
        places = ", ".join("?" * len(columns))
        names = ", ".join(f'"{name}"' for name in columns)
        self._held.execute("BEGIN")
        self._held.executemany(
            f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})",
            ([_plain(one.get(name)) for name in columns] for one in rows),
        )
        self._held.execute("COMMIT")

    def delete(self, *keys: str) -> None:
        self._held.executemany("DELETE FROM logs WHERE id = ?", [(key,) for key in keys])

    def execute(self, statement: str) -> None:
        self._held.execute(statement)

    def close(self) -> None:
        self._held.close()


class BifrostOnPostgres:
    """The log store of a gateway in PostgreSQL, in an empty database."""

    def __init__(self, url: sa.URL) -> None:
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with self._engine.connect() as connection:
            for table, columns in (("logs", LOGS), ("mcp_tool_logs", MCP)):
                types = ", ".join(f'"{name}" {_postgres(kind)}' for name, kind in columns.items())
                connection.exec_driver_sql(f"CREATE TABLE {table} ({types})")
            connection.exec_driver_sql("CREATE INDEX idx_logs_timestamp ON logs (timestamp)")

    def write(self, *rows: dict[str, Any]) -> None:
        self._write("logs", list(LOGS), rows)

    def write_tool_calls(self, *rows: dict[str, Any]) -> None:
        self._write("mcp_tool_logs", list(MCP), rows)

    def _write(self, table: str, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join(f"%({name})s" for name in columns)
        held = [{name: _boolean(name, one.get(name)) for name in columns} for one in rows]
        with self._engine.connect() as connection:
            keys = [{"id": one["id"]} for one in held]
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE id = %(id)s", keys)
            connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({places})", held)

    def delete(self, *keys: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("DELETE FROM logs WHERE id = %(id)s", [{"id": key} for key in keys])

    def execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        self._engine.dispose()


def _postgres(kind: str) -> str:
    for ours, theirs in (("datetime", "timestamptz"), ("real", "double precision"), ("numeric", "boolean")):
        kind = kind.replace(ours, theirs)
    return kind


def _boolean(name: str, value: Any) -> Any:
    return bool(value) if name == "stream" else value


def _plain(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value


class LogApi:
    """A stand-in of the gateway's log API: the questions that its documentation lists, and their answers."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.tool_calls: dict[str, dict[str, Any]] | None = {}
        self.password: str | None = None
        self.refuses: int | None = None
        self.asked: list[str] = []

    def write(self, *rows: dict[str, Any]) -> None:
        self.rows |= {one["id"]: one for one in rows}

    def write_tool_calls(self, *rows: dict[str, Any]) -> None:
        assert self.tool_calls is not None
        self.tool_calls |= {one["id"]: one for one in rows}

    def delete(self, *keys: str) -> None:
        for key in keys:
            del self.rows[key]

    def answer(self, target: str, authorization: str | None) -> tuple[int, Any]:
        self.asked.append(target)
        if self.refuses is not None:
            return self.refuses, {"error": "not now"}
        if self.password is not None:
            wanted = "Basic " + base64.b64encode(f"admin:{self.password}".encode()).decode()
            if authorization != wanted:
                return 401, {"error": "unauthorized"}
        url = urlsplit(target)
        for path, rows in (("/api/logs", self.rows), ("/api/mcp-logs", self.tool_calls)):
            if rows is not None and url.path == path:
                return 200, _page(list(rows.values()), parse_qs(url.query))
            if rows is not None and url.path.startswith(f"{path}/"):
                held = rows.get(url.path.removeprefix(f"{path}/"))
                return (200, _json(held)) if held else (404, {"error": "no such log"})
        return 404, {"error": "not found"}


def _page(rows: list[dict[str, Any]], asked: dict[str, list[str]]) -> dict[str, Any]:
    limit = min(int(asked.get("limit", ["50"])[0]), 1000)
    offset = int(asked.get("offset", ["0"])[0])
    if "start_time" in asked:
        start = datetime.fromisoformat(asked["start_time"][0])
        rows = [one for one in rows if one["timestamp"] >= start]
    newest_first = asked.get("order", ["desc"])[0] != "asc"
    rows = sorted(rows, key=lambda one: one["timestamp"], reverse=newest_first)
    return {
        "logs": [_json(one) for one in rows[offset : offset + limit]],
        "pagination": {"limit": limit, "offset": offset, "total_count": len(rows)},
        "stats": {},
        "has_logs": bool(rows),
    }


def _json(held: dict[str, Any]) -> dict[str, Any]:
    """A row as the API answers it: JSON columns as objects, denormalised columns left out."""
    left_out = {"prompt_tokens", "completion_tokens", "total_tokens", "cached_read_tokens"}
    shown: dict[str, Any] = {}
    for name, value in held.items():
        if name in left_out or value is None or value == "":
            continue
        if name in {"token_usage", "metadata", "cache_debug", "error_details", "team_ids"} and isinstance(
            value, str
        ):
            shown[name] = json.loads(value)
        elif isinstance(value, datetime):
            shown[name] = value.isoformat().replace("+00:00", "Z")
        else:
            shown["object" if name == "object_type" else name] = value
    return shown


@contextmanager
def serving(api: LogApi, port: int = 0) -> Iterator[str]:
    """The API on a port of this machine; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, answer = api.answer(self.path, self.headers.get("Authorization"))
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
