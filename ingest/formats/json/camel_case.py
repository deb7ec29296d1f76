"""Camel case: a copy of a struct with camelCase field names, for APIs whose libraries write snake_case."""

from functools import cache
from types import GenericAlias, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from msgspec import Struct, defstruct
from msgspec.structs import fields

S = TypeVar("S", bound=Struct)


@cache
def camel_struct(struct: type[S]) -> type[S]:
    """A copy of `struct` and of the structs inside it, with camelCase names on the wire."""
    camel_fields = [(item.name, _camel_type(item.type), item.default) for item in fields(struct)]
    return cast(
        type[S], defstruct(struct.__name__, camel_fields, rename="camel", gc=False, omit_defaults=True)
    )


def _camel_type(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return camel_struct(kind)
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_camel_type(member) for member in get_args(kind))]  # noqa: UP007 - computed
    if get_origin(kind) is list:
        return GenericAlias(list, (_camel_type(get_args(kind)[0]),))
    return kind
