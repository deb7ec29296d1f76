"""Price lists: published or own files of prices, read into price points. Pure: bytes in, a `PriceList` out.

The kind of a file follows from its content, and from its name only where a table could be of two kinds.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from ingest.price_book.lists import bifrost, litellm, own, tables
from ingest.price_book.lists.number import decoded
from ingest.price_book.lists.price_list import Fault, LeftOut, NotAPriceList, PriceList

__all__ = ["Fault", "LeftOut", "NotAPriceList", "PriceList", "read"]

_MAPS: Final[tuple[tuple[Callable[[Iterable[Any]], bool], Callable[..., PriceList]], ...]] = (
    (litellm.recognises, litellm.read),
    (bifrost.recognises, bifrost.read),
)


def read(name: str, raw: bytes, source: str | None = None) -> PriceList:
    """The prices in the file `name`: LiteLLM's map, Bifrost's datasheet, or an own CSV, YAML or JSON table.

    Raises:
        NotAPriceList: the file is none of these; the message says what to do.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAPriceList("it is not text in UTF-8; save it as UTF-8, unpacked") from None
    if not text.strip():
        raise NotAPriceList("it is empty")
    if name.lower().endswith((".yaml", ".yml")):
        return own.read(tables.of_yaml(text), name, source)
    if text.lstrip().startswith(("{", "[")):
        return _of_json(decoded(text), name, source)
    if tables.is_csv(name, text):
        return own.read(tables.of_csv(text), name, source)
    return own.read(tables.of_yaml(text), name, source)


def _of_json(document: Any, name: str, source: str | None) -> PriceList:
    if isinstance(document, dict):
        for recognises, read_map in _MAPS:
            if recognises(document.values()):
                return read_map(document, name, source)
    return own.read(tables.of_document(document), name, source)
