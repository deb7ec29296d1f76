"""A gateway's log API as a store, read by windows of time, because deep pages shift while rows arrive.

Each request asks for the oldest rows from the time of the last row on; rows already read are recognised by
their keys. An offset is used only if a single instant has more rows than a page.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from ingest.clock import rfc3339
from ingest.formats.completion.body import NULL
from ingest.formats.json import lenient
from ingest.model.rejection import SURPRISES, Refused
from ingest.sync import timestamps
from ingest.sync.store import PAGE, PROCESSING, Away, Page, Row, StoreError, Table, Unusable

_LIMIT: Final = 250
"""Rows per answer. Their content, if included, stays in memory until the page has been read."""
_TIMEOUT_SECONDS: Final = 60
_TRY_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MICROSECOND: Final = timedelta(microseconds=1)

Fields = dict[str, msgspec.Raw]


class _Answer(msgspec.Struct, gc=False):
    logs: list[msgspec.Raw] | None


_decode_strict_page = msgspec.json.Decoder(_Answer).decode
_decode_row = msgspec.json.Decoder(Fields).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class HttpStore:
    """The log API of one gateway."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None) -> None:
        """`user` and `password` are used if the URL has none.

        Raises:
            Unusable: the text is not a URL.
        """
        base, auth = _parsed(url)
        if auth is None and (user or password):
            auth = (user or "", password or "")
        self.place = str(base).rstrip("/")
        self._client = httpx.Client(
            auth=auth, timeout=_TIMEOUT_SECONDS, headers={"Accept": "application/json"}
        )

    def has(self, table: Table) -> bool:
        """Whether the API has this table."""
        answer = self._get(f"{table.path}", {"limit": 1})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        try:
            _decode_page(self._successful(answer).content)
        except (msgspec.DecodeError, Refused):
            if table.optional:
                return False
            raise Unusable(
                f"{self.place}: {table.path} answers with no page of logs: "
                "is this the address of the gateway?"
            ) from None
        return True

    def pages(self, table: Table, since: int | None) -> Iterator[Page]:
        """The rows from `since` on, oldest first."""
        page: Page = []
        for row in self._rows_since(table, since):
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def _rows_since(self, table: Table, since: int | None) -> Iterator[Row]:
        start, offset = since, 0
        seen_keys: set[str] = set()
        while True:
            rows = self._request_rows(table, start, offset)
            new_rows = [row for row in rows if row.key not in seen_keys]
            yield from (row for row in new_rows if _is_call(table, row))
            if len(rows) < _LIMIT:
                return
            newest = max((row.at for row in rows if row.at is not None), default=None)
            if newest is None or (start is not None and newest - 1 <= start):
                offset += len(rows)  # all rows of the page have the same instant
                seen_keys.update(row.key for row in new_rows)
            else:
                # One microsecond back, so that it does not matter whether `start_time` is inclusive.
                start, offset = newest - 1, 0
                seen_keys = {row.key for row in rows if row.at is None or row.at >= start}

    def _request_rows(self, table: Table, start: int | None, offset: int) -> Page:
        parameters: dict[str, str | int] = {
            "limit": _LIMIT,
            "sort_by": "timestamp",
            "order": "asc",
            "offset": offset,
        }
        if start is not None:
            parameters["start_time"] = rfc3339(start)
        answer = self._successful(self._get(f"{table.path}", parameters))
        try:
            rows = [_row_or_refused(table, raw) for raw in _decode_page(answer.content).logs or ()]
        except (msgspec.DecodeError, Refused) as error:
            raise Unusable(f"{self.place}: {table.path} answers with no page of logs: {error}") from None
        moments = [row.at for row in rows if row.at is not None]
        if moments != sorted(moments):
            raise Unusable(f"{self.place}: {table.path} does not sort by time: update the gateway")
        return rows

    def rows(self, table: Table, keys: Sequence[str]) -> Page:
        """The rows with these keys, with one request for each: few calls have not ended."""
        readable_rows = []
        for key in keys:
            answer = self._get(f"{table.path}/{quote(key, safe='')}", {})
            if answer.status_code == httpx.codes.NOT_FOUND:
                continue
            try:
                row = _row(table, _decode_row(self._successful(answer).content))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise Unusable(f"{self.place}: {table.path}/ID answers with no row: {error}") from None
            if _is_call(table, row):
                readable_rows.append(row)
        return readable_rows

    def listing(self, name: str, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        """No rows: an API has no other tables."""
        yield from ()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _get(self, path: str, parameters: dict[str, Any]) -> httpx.Response:
        try:
            return self._client.get(f"{self.place}{path}", params=parameters)
        except httpx.RequestError as error:
            raise Away(f"{self.place}: {str(error) or type(error).__name__}") from None

    def _successful(self, answer: httpx.Response) -> httpx.Response:
        """The answer, if its status is a success.

        Raises:
            StoreError: the status is an error.
        """
        if answer.is_success:
            return answer
        raise self._refused(answer.status_code)

    def _refused(self, code: int) -> StoreError:
        if code in _TRY_LATER:
            return Away(f"{self.place}: it answers {code}; try again in a moment")
        if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return Unusable(
                f"{self.place}: it answers {code}: give the right user and password, in the URL or as "
                "TALLYBOOK_SYNC_USER and TALLYBOOK_SYNC_PASSWORD"
            )
        if httpx.codes.is_redirect(code):
            return Unusable(
                f"{self.place}: it answers {code}, elsewhere: give the address it leads to, perhaps https"
            )
        return Unusable(f"{self.place}: it answers {code}")


def _parsed(url: str) -> tuple[httpx.URL, tuple[str, str] | None]:
    """The address without a user and without the API's own path, and the user and password of the URL."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if not parsed.host:
        raise Unusable("this is no URL of a gateway: it looks like http://HOST:8080")
    auth = (parsed.username, parsed.password) if parsed.userinfo else None
    path = parsed.path.rstrip("/").removesuffix("/api/logs").removesuffix("/api")
    return parsed.copy_with(username=None, password=None, path=path or "/", query=None, fragment=None), auth


def _decode_page(content: bytes) -> _Answer:
    """The page of logs in an answer. What strict JSON does not allow in a row costs that row alone.

    Raises:
        msgspec.DecodeError: it is no page of logs.
        Refused: it is not JSON.
    """
    try:
        return _decode_strict_page(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_strict_page(lenient.to_strict_json(content, odd_number=str))


def _row_or_refused(table: Table, raw: msgspec.Raw) -> Row:
    """A row of the API; one that is none is rejected when it is decoded."""
    try:
        return _row(table, _decode_row(raw))
    except SURPRISES:
        return Row("", None, True, bytes(raw))


def _row(table: Table, fields: Fields) -> Row:
    """A row of the API, reduced to the columns that may be read."""
    values = {name: bytes(fields[name]) for name in table.columns if name in fields}
    at = timestamps.micros(_text(values.get(table.time)))
    ended = table.status is None or _text(values.get(table.status)) != PROCESSING
    raw = _encode({name: msgspec.Raw(value) for name, value in values.items()})
    return Row(_text(values.get(table.key)) or "", at, ended, raw)


def _is_call(table: Table, row: Row) -> bool:
    """Whether a row is a call.

    In a table with a cost column, the row must have a cost or may still get one.
    """
    if table.paid is None or not row.ended:
        return True
    try:
        return float(bytes(_decode_row(row.raw).get(table.paid, NULL))) > 0
    except ValueError:
        return False
    except msgspec.DecodeError:
        return True  # it is rejected when it is decoded


def _text(raw: bytes | None) -> str | None:
    return _decode_text(raw) if raw is not None and raw[:1] == b'"' else None
