"""Unknown numbers: the numbers of an object of counts that its format does not know.

An object with numbers of which none is a known count would be a call without tokens. It is refused, with the
names of its numbers.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from msgspec import Raw, Struct, inspect

from ingest.formats.json.lenient import loads
from ingest.model.rejection import Refused

_NAMES_SHOWN: Final = 12
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}(\.[A-Za-z_][A-Za-z0-9_-]{0,39}){0,5}")
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,24}")


def unknown_numbers(value: Any, known: type[Struct]) -> dict[str, Any]:
    """The numbers in `value` that `known` does not declare, by their dotted path."""
    declared = _declared(known)
    return {path: number for path, number in _numbers(value) if path not in declared}


def has_numbers(value: Any) -> bool:
    """Whether there is any number in `value`."""
    return any(True for _ in _numbers(value))


def refuse_unknown(raw: Raw | bytes, known: type[Struct], field: str, *, zeros: bool = True) -> None:
    """Refuse the object of counts `raw` if it has unknown numbers; `field` is its path in the record.

    `zeros` says whether an unknown 0 is a number too.

    Raises:
        Refused: there are unknown numbers; the refusal has their names.
    """
    value = loads(bytes(raw))
    numbers = unknown_numbers(value, known) if isinstance(value, dict) else {}
    names = [path for path, number in numbers.items() if zeros or number not in (0, "0")]
    if names:
        raise refusal(names, field)


def refusal(names: list[str], field: str) -> Refused:
    """The refusal of an object whose numbers have these names."""
    shown = [name if _NAME.fullmatch(name) else "?" for name in names[:_NAMES_SHOWN]]
    more = ["..."] if len(names) > _NAMES_SHOWN else []
    return Refused(
        "unknown_usage",
        f"{field} has numbers, and none of them is a count that this format knows: "
        f"{', '.join(shown + more)}; `tallybook formats` describes the known counts, and a mapping reads others",
        field,
    )


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _numbers(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, path)
    elif isinstance(value, bool) or value is None:
        return
    elif not isinstance(value, str) or _WHOLE_NUMBER.fullmatch(value):
        yield path, value


@cache
def _declared(kind: type[Struct]) -> frozenset[str]:
    return frozenset(_paths(inspect.type_info(kind)))


def _paths(kind: inspect.Type, path: str = "") -> Iterator[str]:
    """The dotted paths of all fields of a struct and of the structs inside it."""
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _paths(member, path)
    elif isinstance(kind, inspect.ListType):
        yield from _paths(kind.item_type, path)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            inner = f"{path}.{field.encode_name}" if path else field.encode_name
            yield inner
            yield from _paths(field.type, inner)
