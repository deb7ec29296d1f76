"""Odd usage: a `usage` of which no token count was understood, looked at once more before it counts as none.

Its names may be in camelCase, as protobuf's JSON and some libraries write them. A usage with numbers of which
none is a known count is refused.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.formats.completion.body import NULL
from ingest.formats.completion.usage import Usage
from ingest.formats.json.decoder import decoder
from ingest.formats.json.lenient import loads
from ingest.formats.json.unknown_numbers import refuse_unknown
from ingest.model.event import UsageEvent

_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")
_OTHER_NAMES: Final = {"cache_write_input_tokens": "cache_creation_input_tokens"}


class Record(Struct, gc=False):
    """A record, of which only the usage is decoded."""

    usage: Raw = NULL


_decode = decoder(Record)


def states_no_tokens(event: UsageEvent) -> bool:
    """Whether neither input nor output was understood; a total alone may be one of several counts."""
    return event.input_tokens is None and event.output_tokens is None


def stated_usage(raw: bytes) -> Raw:
    """The usage of a record as it stands there."""
    return _decode(raw).usage


def camel_case_usage(stated: Raw) -> Usage | None:
    """A usage whose counts are in camelCase, None for any other."""
    value = loads(bytes(stated))
    try:
        usage = msgspec.convert(_snake_case(value), Usage, strict=False)
    except msgspec.ValidationError:
        return None
    return None if {usage.prompt_tokens, usage.input_tokens, usage.output_tokens} == {None} else usage


def refuse_unknown_usage(stated: Raw | bytes, usage: Usage, event: UsageEvent, field: str = "usage") -> None:
    """Refuse the usage of a record without token counts if it has unknown numbers.

    `stated` is the JSON that was decoded as `usage`, `field` its path in the record. Beside a known amount of
    money, or beside a total, an unknown 0 says nothing.

    Raises:
        Refused: no count of the usage is known, or only the total; the refusal names the numbers.
    """
    units = (event.search_queries, event.characters, event.search_units, event.audio_ms)
    if units != (None, None, None, None) or (event.total_tokens is not None and event.reported is not None):
        return
    zeros = event.total_tokens is None and usage.cost is None and usage.cost_in_usd_ticks is None
    refuse_unknown(stated, Usage, field, zeros=zeros)


def _snake_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = {name: _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name) for name in value}
    return {_OTHER_NAMES.get(names[name], names[name]): _snake_case(item) for name, item in value.items()}
