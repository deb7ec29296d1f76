"""The fuzzer: records as they come, damaged in ways that know what JSON and a format are.

It takes the samples of all formats, alone, in envelopes and as streams, and drops, doubles and renames keys,
changes types, writes extreme numbers, nests, cuts and re-encodes. The same seed gives the same records.

Whatever a sample says in a field of content is replaced by a canary: no canary may reach a ledger.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec

from ingest import formats
from ingest.formats import docs, stream
from ingest.formats.format import Format
from ingest.framing import RawRecord, Record, Splitter
from tests.support.paths import FORMATS

Route = tuple[str | int, ...]

CANARY: Final = "canary-4f1d9c"
"""Stands in every field of content."""
CONTENT: Final = frozenset(
    (
        *(
            "content",
            "text",
            "arguments",
            "prompt",
            "messages",
            "input_history",
            "output_message",
            "thinking",
        ),
        *("reasoning_content", "refusal", "partial_json", "input_text", "output_text", "query", "document"),
        *("partialJson", "transcript", "instructions", "parts", "embedding", "choices_text", "signature"),
    )
)
"""Fields whose texts are content, wherever they stand."""
STRUCTURE: Final = frozenset(
    ("type", "id", "role", "object", "name", "model", "status", "index", "call_id", "mime_type")
)
"""Fields inside content that are no content."""
_ENCODE: Final = msgspec.json.Encoder().encode
_ODD_NUMBERS: Final = (
    *(
        "0",
        "-0",
        "-1",
        "1",
        "5.0",
        "0.5",
        "1e3",
        "1000000000001",
        "9223372036854775807",
        "9223372036854775808",
    ),
    *("-9223372036854775809", "18446744073709551616", "1e308", "1e309", "-1e400", "1e-400", "0.1e2147483648"),
    *("1e999999999999999999999", "-1e-999999999999999999999", "1" + "0" * 400, "0." + "1" * 400, "NaN"),
    *("Infinity", "-Infinity", "1_000", "01", "+1", "0x10", "1e", "123456789012345678901234567890.123456789"),
)
_ODD_TEXTS: Final = (
    *('""', '"0"', '"-1"', '"1e999"', '"1e999999999999999999999"', '"nan"', '"2026-03-30T09:15:00"'),
    *('"9999-12-31T23:59:59Z"', '"0000-00-00"', '"1970-01-01T00:00:00+99:99"', '"\\ud800\\u0000"'),
    *(
        '"\\u202e\\u0007\\u001b[2J"',
        '"😀"',
        '"' + "m" * 5_000 + '"',
        '"sha256:zz"',
        '"sk-bf-"',
        '"../../etc"',
    ),
    *('"stub"', '"true"', '"null"', '"{}"', '"[]"', '"{\\"a\\":1e999999999999999999999}"'),
)
_ODD_VALUES: Final = (
    *("null", "true", "false", "[]", "{}", "[null]", "[[[]]]", '{"":null}', '[1,"a",{}]', '{"a":{"a":{}}}'),
)
_DEEP: Final = tuple(
    msgspec.Raw(text.encode()) for text in ("[" * 2_000 + "]" * 2_000, '{"a":' * 600 + "1" + "}" * 600)
)
_ODD: Final = tuple(msgspec.Raw(text.encode()) for text in (*_ODD_NUMBERS, *_ODD_TEXTS, *_ODD_VALUES))
_ENCODINGS: Final = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7")
_WORDS: Final = re.compile(r'"([A-Za-z_.]{2,40})":')


@dataclass(frozen=True)
class Sample:
    """A record that a format reads, with the ways to all its values."""

    name: str
    value: Any
    routes: tuple[Route, ...]
    keys: tuple[Route, ...]
    """The ways to what stands under a key."""
    to_bytes: Callable[[Any], bytes] = field(default=_ENCODE)


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample of every format, alone and in an envelope, and every stream."""
    made = []
    for form in formats.FORMATS:
        for number, value in enumerate(of_format(form)):
            hidden = with_canaries(value)
            made.append(_sample(f"{form.name} {number}", hidden))
            made.append(_sample(f"{form.name} {number} in an envelope", {"team": "a", "response": hidden}))
    made += [_sample(path.stem, chunks, _as_stream) for path, chunks in streams()]
    return tuple(made)


def of_format(form: Format) -> list[Any]:
    """The samples of a format, and the examples of its documentation: what is only refused has no others."""
    paths = sorted((FORMATS / form.name).glob("*.json"))
    texts = [path.read_text() for path in paths if not path.name.endswith(".expected.json")]
    documented = docs.examples(docs.section_of(form.name))
    texts += [
        text for text in documented if text.startswith("{") and formats.recognise(text.encode()) is form
    ]
    return [json.loads(text) for text in texts]


def streams() -> Iterator[tuple[Any, list[Any]]]:
    """The chunks of each stream, and its file."""
    for path in sorted((FORMATS / "stream").glob("*.sse")):
        data = [line.removeprefix("data: ") for line in path.read_text().splitlines()]
        yield path, [with_canaries(json.loads(line)) for line in data if line.startswith("{")]


def with_canaries(value: Any, *, is_content: bool = False) -> Any:
    """`value` with a canary for every text in a field of content."""
    if isinstance(value, dict):
        return {
            name: with_canaries(inner, is_content=(is_content or name in CONTENT) and name not in STRUCTURE)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [with_canaries(inner, is_content=is_content) for inner in value]
    return CANARY if is_content and isinstance(value, str) else value


def routes(value: Any, here: Route = ()) -> Iterator[Route]:
    """The ways to every value inside `value`, itself included."""
    yield here
    for step, inner in value.items() if isinstance(value, dict) else ():
        yield from routes(inner, (*here, step))
    for step, inner in enumerate(value) if isinstance(value, list) else ():
        yield from routes(inner, (*here, step))


def _sample(name: str, value: Any, to_bytes: Callable[[Any], bytes] = _ENCODE) -> Sample:
    every = tuple(routes(value))
    keys = tuple(route for route in every if route and isinstance(route[-1], str))
    return Sample(name, value, every, keys, to_bytes)


def _as_stream(chunks: Any) -> bytes:
    """The chunks as a body of server-sent events."""
    listed = chunks if isinstance(chunks, list) else [chunks]
    return b"".join(b"data: " + _ENCODE(chunk) + b"\n\n" for chunk in listed)


def records(mutant: bytes) -> list[Record]:
    """The records in a damaged record, which may be a stream."""
    if not mutant.startswith(b"data: "):
        return [RawRecord(0, 1, mutant)]
    splitter = Splitter("sse", assemble=stream.assemble, open_envelope=stream.open_envelope)
    return [*splitter.feed(mutant), *splitter.finish()]


Edit = Callable[[random.Random, Any, Sample], Any]


def _at(value: Any, route: Route, change: Callable[[Any], Any]) -> Any:
    """A copy of `value` in which what stands at `route` is changed; as it is where nothing stands there."""
    if not route:
        return change(value)
    step = route[0]
    is_there = (isinstance(value, dict) and step in value) or (
        isinstance(value, list) and isinstance(step, int) and step < len(value)
    )
    if not is_there:
        return value
    copy = value.copy()
    copy[step] = _at(value[step], route[1:], change)
    return copy


def _odd_value(chance: random.Random, value: Any, sample: Sample) -> Any:
    odd = chance.choice(_ODD)
    return _at(value, chance.choice(sample.routes), lambda _: odd)


def _deep_value(chance: random.Random, value: Any, sample: Sample) -> Any:
    odd = chance.choice(_DEEP)
    return _at(value, chance.choice(sample.routes), lambda _: odd)


def _other_type(chance: random.Random, value: Any, sample: Sample) -> Any:
    """A number as text, a text as a number, a list of one, an object with it."""
    wrap = chance.choice((_as_text, lambda inner: [inner], lambda inner: {"value": inner}, lambda _: None))
    return _at(value, chance.choice(sample.routes), wrap)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else 7 if isinstance(value, str) else value


def _dropped(chance: random.Random, value: Any, sample: Sample) -> Any:
    *holder, key = chance.choice(sample.keys)
    return _at(value, tuple(holder), lambda inner: _without(inner, key))


def _without(value: Any, key: Any) -> Any:
    return {name: inner for name, inner in value.items() if name != key} if isinstance(value, dict) else value


def _renamed(chance: random.Random, value: Any, sample: Sample) -> Any:
    """A value under the name of another field; content never leaves its field."""
    *holder, key = chance.choice(sample.keys)
    other = chance.choice(sample.keys)[-1]
    return _at(value, tuple(holder), lambda inner: _under(inner, key, str(other)))


def _under(value: Any, key: Any, other: str) -> Any:
    if not isinstance(value, dict) or key not in value or _has_canary(value[key]):
        return value
    return {other if name == key else name: inner for name, inner in value.items()}


def _has_canary(value: Any) -> bool:
    return any(True for _ in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value == CANARY:
            yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _twice(chance: random.Random, value: Any, sample: Sample) -> Any:
    """An object with one of its keys twice, the second time with an odd value."""
    *holder, key = chance.choice(sample.keys)
    odd = chance.choice(_ODD)

    def doubled(inner: Any) -> Any:
        if not isinstance(inner, dict) or not inner:
            return inner
        return msgspec.Raw(_ENCODE(inner)[:-1] + b"," + _ENCODE({key: odd})[1:])

    return _at(value, tuple(holder), doubled)


def _repeated(chance: random.Random, value: Any, sample: Sample) -> Any:
    """A list with everything in it again and again."""
    times = chance.choice((0, 2, 9))
    return _at(
        value, chance.choice(sample.routes), lambda inner: inner * times if isinstance(inner, list) else inner
    )


def _scaled(chance: random.Random, value: Any, sample: Sample) -> Any:
    """A number that is off: negative, a little more, a thousand times."""
    changes: tuple[Callable[[Any], Any], ...] = (
        lambda n: -n,
        lambda n: n + 1,
        lambda n: n * 1_000,
        lambda n: n / 3,
    )
    change = chance.choice(changes)
    return _at(value, chance.choice(sample.routes), lambda n: change(n) if _is_number(n) else n)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_EDITS: Final[tuple[Edit, ...]] = (
    *(_odd_value, _scaled, _dropped, _renamed) * 15,
    *(_other_type, _twice, _repeated) * 8,
    _deep_value,
)
"""What is done to a record; several times what is likely to leave a record that can be read."""


def _cut(chance: random.Random, raw: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))]


def _flipped(chance: random.Random, raw: bytes) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]


def _without_bytes(chance: random.Random, raw: bytes) -> bytes:
    at = chance.randrange(len(raw))
    return raw[:at] + raw[at + chance.randrange(1, 9) :]


def _recoded(chance: random.Random, raw: bytes) -> bytes:
    return raw.decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


def _with_blanks(chance: random.Random, raw: bytes) -> bytes:
    return chance.choice((b"\xef\xbb\xbf", b"\0", b" \t", b"\x1e", b"//")) + raw


_DAMAGES: Final = (_cut, _flipped, _without_bytes, _recoded, _with_blanks)
_DAMAGED_SHARE: Final = 0.15
"""The share of records that are damaged as bytes too."""


def mutants(seed: int, count: int, among: Sequence[Sample] | None = None) -> Iterator[bytes]:
    """So many damaged records."""
    chance = random.Random(seed)
    of_all = samples() if among is None else among
    for _ in range(count):
        sample = chance.choice(of_all)
        value = sample.value
        for _ in range(chance.randint(1, 3)):
            value = chance.choice(_EDITS)(chance, value, sample)
        raw = sample.to_bytes(value)
        if chance.random() < _DAMAGED_SHARE and raw:
            raw = chance.choice(_DAMAGES)(chance, raw)
        yield raw
