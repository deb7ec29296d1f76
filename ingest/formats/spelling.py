"""Spelling: the twin of a struct whose fields are written in camelCase, for APIs whose libraries write snake_case."""

from functools import cache
from types import GenericAlias, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from msgspec import Struct, defstruct
from msgspec.structs import fields

S = TypeVar("S", bound=Struct)


@cache
def camel(shape: type[S]) -> type[S]:
    """A struct like `shape`, and like those inside it, whose fields are spelt in camelCase outside."""
    twins = [(one.name, _twin(one.type), one.default) for one in fields(shape)]
    return cast(type[S], defstruct(shape.__name__, twins, rename="camel", gc=False))


def _twin(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return camel(kind)
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(_twin(one) for one in get_args(kind))]  # noqa: UP007 - made of what there is
    if get_origin(kind) is list:
        return GenericAlias(list, (_twin(get_args(kind)[0]),))
    return kind
