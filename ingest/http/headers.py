"""The headers of a request with records: its keys, its kind of body, and what it states of its records."""

from decimal import Decimal
from typing import Final

import msgspec
from starlette.datastructures import Headers

from ingest.formats.envelope import Label, Stated, text_labels
from ingest.formats.json.timestamps import parse_timestamp
from ingest.framing import Framing
from ingest.framing.decompression import Decompressor
from ingest.http.problems import Problem, bad_parameter
from ingest.intake import names
from ingest.intake.decode import EARLIEST, LATEST
from ingest.model.rejection import Refused

KEY_PREFIX: Final = "sk-bf-"
_SHARED_HEADERS: Final = ("x-api-key", "api-key", "x-goog-api-key")
"""Headers that providers' clients put their keys in; a value counts only if it looks like a virtual key."""


def virtual_key(headers: Headers) -> str | None:
    """The virtual key in the headers; None if there is none."""
    if key := headers.get("x-bf-vk", "").strip():
        return key
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    offered = [
        credential if scheme.lower() == "bearer" else "",
        *(headers.get(name, "") for name in _SHARED_HEADERS),
    ]
    return next((key.strip() for key in offered if key.strip().startswith(KEY_PREFIX)), None)


STATED: Final = "x-tallybook-"
"""Beginning of the headers that state something of every record of a request."""
_LONGEST_NAME: Final = 255
_decode_labels = msgspec.json.Decoder(dict[str, Label]).decode


def stated(headers: Headers) -> Stated | None:
    """What the request says of records that do not say it themselves; None if it says nothing.

    Raises:
        Problem: 422 for a header with a value that cannot be used.
    """
    said = Stated(
        provider=_name(headers, "provider"),
        model=_name(headers, "model"),
        occurred_at=_occurred_at(headers),
        session=_name(headers, "session"),
        labels=_labels(headers),
    )
    return None if said == Stated() else said


def _text(headers: Headers, field: str) -> str | None:
    """The value of a header, read as UTF-8 where it is; None if there is no such header."""
    value = headers.get(STATED + field)
    if value is None:
        return None
    try:
        return value.encode("latin-1").decode().strip()
    except UnicodeDecodeError:
        return value.strip()


def _name(headers: Headers, field: str) -> str | None:
    name = _text(headers, field)
    if name is not None and not 0 < len(name) <= _LONGEST_NAME:
        raise bad_parameter(STATED + field, name, f"must have 1 to {_LONGEST_NAME} characters")
    return name


def _occurred_at(headers: Headers) -> int | None:
    time = _text(headers, "occurred-at")
    if time is None:
        return None
    try:
        at = parse_timestamp(_seconds_or_text(time), STATED + "occurred-at")
    except Refused:
        at = LATEST
    if not EARLIEST <= at < LATEST:
        expected = "must be a time from 2000 to 2099, as 2026-03-30T09:15:00Z or seconds since 1970"
        raise bad_parameter(STATED + "occurred-at", time, expected)
    return at


def _seconds_or_text(time: str) -> float | str:
    try:
        return float(Decimal(time))
    except (ArithmeticError, ValueError):
        return time


def _labels(headers: Headers) -> dict[str, str] | None:
    labels = _text(headers, "labels")
    if labels is None:
        return None
    try:
        named = text_labels(_decode_labels(labels))
        names.check_labels(named or {})
    except (msgspec.DecodeError, UnicodeError, RecursionError, Refused):
        expected = 'must be a JSON object with a text, number or truth for each label, as {"job": "nightly"}'
        raise bad_parameter(STATED + "labels", labels, expected) from None
    return named


KINDS: Final[dict[str, Framing]] = {
    "application/json": "auto",
    "application/jsonl": "lines",
    "application/jsonlines": "lines",
    "application/x-jsonlines": "lines",
    "application/x-ndjson": "lines",
    "application/ndjson": "lines",
    "text/event-stream": "sse",
    "application/json-seq": "json",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/plain": "auto",
    "application/octet-stream": "auto",
    "application/gzip": "auto",
    "application/x-gzip": "auto",
    "application/zstd": "auto",
    "application/x-www-form-urlencoded": "auto",  # the default of curl for any data
    "": "auto",
}


def kind_of(headers: Headers) -> Framing:
    """How the body is framed, by its content type.

    Raises:
        Problem: 415 for a content type that cannot contain records.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    kind: Framing | None = "auto" if media_type.endswith("+json") else KINDS.get(media_type)
    if kind is None:
        accepted = "application/json, application/jsonl, text/csv or text/event-stream"
        detail = f"{media_type[:80]!r} is not read here; send {accepted}"
        raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
    return kind


def unpacker_of(headers: Headers, limit: int) -> Decompressor:
    """The decompressor of the body: by its Content-Encoding, else by its first bytes.

    Raises:
        Problem: 415 for an encoding that is not supported.
    """
    try:
        return Decompressor.for_encoding(headers.get("content-encoding", ""), limit)
    except LookupError as error:
        accepted = {"Accept-Encoding": "gzip, zstd, identity"}
        raise Problem(
            415, "unsupported_encoding", "Not an encoding that is read", str(error), headers=accepted
        ) from None
