"""Formats: the bytes of one record in, a usage event or a refusal out.

`read` is the whole interface for one record. `read_page` comes before it, for a page of many records. A
record that the strict decoder refuses is decoded once more, leniently (`ingest.formats.json.lenient`), before
it is refused.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ingest.formats import envelope, otel, stream
from ingest.formats.bedrock import converse, invocation_log
from ingest.formats.bifrost import log, mcp_log
from ingest.formats.completion import anthropic_iterations, completion
from ingest.formats.format import Fields, Format, marks
from ingest.formats.json import decode_errors, keys, lenient
from ingest.formats.litellm import batch_line, payload_event, spend_log, unsupported, v1
from ingest.formats.providers import batch, cohere, gemini, gemini_interactions, ollama, openrouter
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

_NAMES_SHOWN: Final = 12
_PAGE_MARKS: Final = (b'"logs"', b'"total_pages"', otel.PAGE_MARK)
_NAME: Final = re.compile(r"(?!sk-)[A-Za-z_][A-Za-z0-9_.-]{0,39}")


def read(raw: bytes, format: Format | None = None) -> UsageEvent:  # noqa: A002 - the word of the command line
    """The event of one record, read as `format`, or as the format that recognises the record.

    Raises:
        Refused: the record is not a valid event; the refusal names the field and its value.
    """
    return read_with_format(raw, format)[0]


def read_with_format(raw: bytes, format: Format | None = None) -> tuple[UsageEvent, Format]:  # noqa: A002
    """The event of one record, as `read` returns it, and the format of the record."""
    if len(raw) > keys.LARGE:
        keys.check_keys(raw)
    try:
        if lenient.NUL not in raw:
            return _read(raw, format)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise lenient.too_deep_refusal() from None
    return _read_leniently(raw, format)


def recognise(raw: bytes) -> Format:
    """The format that recognises this record.

    Raises:
        Refused: the record is not a JSON object, or no format recognises it.
    """
    return _format_of(_top_level(raw))


class Page(NamedTuple):
    """The records of a page of many records."""

    records: list[bytes]
    refused: list[Refused]
    """A refusal for each record that cannot be taken from the page."""


def unpack(raw: bytes) -> Sequence[bytes] | None:
    """The records of a page of many records; None for other records and for bytes that `read` refuses."""
    page = read_page(raw)
    return None if page is None else page.records


def read_page(raw: bytes) -> Page | None:
    """The page of many records; None for other records and for bytes that `read` refuses.

    Raises:
        Refused: the page has too many fields to be decoded.
    """
    if len(raw) > keys.LARGE:
        keys.check_keys(raw, keys.MOST_KEYS_OF_PAGE)
    if anthropic_iterations.MARK in raw and (calls := anthropic_iterations.split(raw)) is not None:
        return Page(list(calls), [])
    if not any(mark in raw for mark in _PAGE_MARKS):  # ten times cheaper than decoding
        return None
    try:
        fields = _top_level(raw, odd_number=str)  # a number that is none costs only the record that has it
    except Refused:
        return None
    for candidate in FORMATS:
        if candidate.unpack is not None and candidate.recognises(fields):
            found = candidate.unpack(fields)
            records = [bytes(record) for record in found if not isinstance(record, Refused)]
            return Page(records, [record for record in found if isinstance(record, Refused)])
    return None


def by_name(name: str) -> Format:
    """The format called `name`.

    Raises:
        Refused: no format has that name.
    """
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in FORMATS)
    raise Refused("unknown_format", f"there is no format of that name; there are {names}")


def _read(raw: bytes, format: Format | None) -> tuple[UsageEvent, Format]:  # noqa: A002 - as above
    fields = marks(raw)
    if format is None:
        format = _format_of(fields)  # noqa: A001 - as above
    elif not format.recognises(fields):
        raise Refused("unknown_format", f"this is not {format.title}; its fields are {_field_names(fields)}")
    return format.read(raw), format


def _read_leniently(raw: bytes, format: Format | None) -> tuple[UsageEvent, Format]:  # noqa: A002 - as above
    strict = lenient.to_strict_json(raw)
    try:
        return _read(strict, format)
    except msgspec.ValidationError as error:
        raise decode_errors.refusal(error, strict) from None


def _top_level(raw: bytes, odd_number: Callable[[str], Any] | None = None) -> Fields:
    try:
        return marks(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        strict = lenient.to_strict_json(raw, odd_number)
    try:
        return marks(strict)
    except msgspec.ValidationError as error:
        raise decode_errors.refusal(error, strict) from None


def _format_of(fields: Fields) -> Format:
    for candidate in FORMATS:
        if candidate.recognises(fields):
            return candidate
    raise Refused(
        "unknown_format",
        f"no format knows these fields: {_field_names(fields)}; `tallybook formats` lists what can be read, "
        "`tallybook import --inspect` proposes a mapping for other tables",
    )


def _field_names(fields: Fields) -> str:
    """The first field names of an object, with `?` for a text that may be content."""
    shown = [name if _NAME.fullmatch(name) else "?" for name in list(fields)[:_NAMES_SHOWN]]
    return ", ".join([*shown, "..."] if len(fields) > _NAMES_SHOWN else shown) or "none"


FORMATS: Final[tuple[Format, ...]] = (
    completion.FORMAT,
    envelope.format_of(read),
    log.FORMAT,
    payload_event.FORMAT,
    spend_log.FORMAT,
    log.PAGE,
    gemini.FORMAT,
    gemini_interactions.FORMAT,
    ollama.FORMAT,
    invocation_log.FORMAT,
    converse.FORMAT,
    batch.openai_format(read),
    batch.anthropic_format(read),
    batch.bedrock_format(read),
    openrouter.ACTIVITY,
    openrouter.FORMAT,
    cohere.FORMAT,
    spend_log.PAGE,
    v1.FORMAT,
    batch_line.FORMAT,
    unsupported.AGGREGATE,
    unsupported.ENCRYPTED,
    otel.FORMAT,
    mcp_log.FORMAT,
    stream.event_format(read),
)
"""Every format. The order matters only for speed: no two formats recognise the same record."""
