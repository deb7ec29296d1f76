"""Formats: bytes of one record in, a usage event or a refusal out.

`read` is the whole interface for one record; `unpack` comes before it for a page of many. A record that the strict
decoder refuses is looked at once more, leniently (`ingest.formats.mending`), before it is refused.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.event import UsageEvent
from ingest.formats import (
    batch,
    bedrock,
    bedrock_log,
    bifrost_log,
    bifrost_mcp_log,
    cohere,
    completion,
    envelope,
    fault,
    gemini,
    litellm,
    litellm_batch_line,
    litellm_refused,
    litellm_spend_log,
    litellm_v1,
    mending,
    openrouter,
    otel,
    stream,
    turns,
)
from ingest.formats.format import Fields, Format
from ingest.refusal import Refused

_NAMES_SHOWN: Final = 12
_PAGE_MARKS: Final = (b'"logs"', b'"total_pages"', otel.PAGE_MARK)
_NAME: Final = re.compile(r"(?!sk-)[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read(raw: bytes, format: Format | None = None) -> UsageEvent:  # noqa: A002 - the word of the command line
    """The event of one record, read as `format`, or as the format that recognises it.

    Raises:
        Refused: it cannot be an event; the refusal names the field and what was found.
    """
    return reading(raw, format)[0]


def reading(raw: bytes, format: Format | None = None) -> tuple[UsageEvent, Format]:  # noqa: A002 - as above
    """The event of one record as `read` gives it, and the format it was read as."""
    try:
        if b"\\u0000" not in raw:
            return _read(raw, format)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise mending.too_deep() from None
    return _read_leniently(raw, format)


def recognise(raw: bytes) -> Format:
    """The one format that recognises this record.

    Raises:
        Refused: it is not a JSON object, or no format knows it.
    """
    return _recognised(_fields(raw))


def unpack(raw: bytes) -> Sequence[bytes] | None:
    """The records of a page of many, None for anything else, also for what cannot be read: `read` says why."""
    if turns.MARK in raw and (parts := turns.split(raw)) is not None:
        return parts
    if not any(mark in raw for mark in _PAGE_MARKS):  # ten times cheaper than to decode a record and see
        return None
    try:
        fields = _fields(raw)
    except Refused:
        return None
    for one in FORMATS:
        if one.unpack is not None and one.recognises(fields):
            return [bytes(record) for record in one.unpack(fields)]
    return None


def by_name(name: str) -> Format:
    """The format called `name`.

    Raises:
        Refused: there is none of that name.
    """
    for one in FORMATS:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in FORMATS)
    raise Refused("unknown_format", f"there is no format of that name; there are {known}")


def _read(raw: bytes, format: Format | None) -> tuple[UsageEvent, Format]:  # noqa: A002 - as above
    fields = _decode_fields(raw)
    if format is None:
        format = _recognised(fields)  # noqa: A001 - as above
    elif not format.recognises(fields):
        raise Refused("unknown_format", f"this is not {format.title}; its fields are {_names(fields)}")
    return format.read(raw), format


def _read_leniently(raw: bytes, format: Format | None) -> tuple[UsageEvent, Format]:  # noqa: A002 - as above
    mended = mending.mend(raw)
    try:
        return _read(mended, format)
    except msgspec.ValidationError as error:
        raise fault.refusal(error, mended) from None


def _fields(raw: bytes) -> Fields:
    try:
        return _decode_fields(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mended = mending.mend(raw)
    try:
        return _decode_fields(mended)
    except msgspec.ValidationError as error:
        raise fault.refusal(error, mended) from None


def _recognised(fields: Fields) -> Format:
    for one in FORMATS:
        if one.recognises(fields):
            return one
    raise Refused(
        "unknown_format",
        f"no format knows these fields: {_names(fields)}; `tallybook formats` lists what can be read, "
        "`tallybook import --inspect` proposes a mapping for other tables",
    )


def _names(fields: Fields) -> str:
    """The first names of an object. What does not look like a name may be content, and is not shown."""
    shown = [name if _NAME.fullmatch(name) else "?" for name in list(fields)[:_NAMES_SHOWN]]
    return ", ".join([*shown, "..."] if len(fields) > _NAMES_SHOWN else shown) or "none"


FORMATS: Final[tuple[Format, ...]] = (
    completion.FORMAT,
    envelope.format_of(read),
    bifrost_log.FORMAT,
    litellm.FORMAT,
    litellm_spend_log.FORMAT,
    bifrost_log.PAGE,
    gemini.FORMAT,
    bedrock_log.FORMAT,
    bedrock.FORMAT,
    batch.openai_format(read),
    batch.anthropic_format(read),
    batch.bedrock_format(read),
    openrouter.ACTIVITY,
    openrouter.FORMAT,
    cohere.FORMAT,
    litellm_spend_log.PAGE,
    litellm_v1.FORMAT,
    litellm_batch_line.FORMAT,
    litellm_refused.AGGREGATE,
    litellm_refused.ENCRYPTED,
    otel.FORMAT,
    bifrost_mcp_log.FORMAT,
    stream.event_format(read),
)
"""Every format. The order only matters for speed: no two recognise the same record."""
