"""LiteLLM's price map: `model_prices_and_context_window.json`, or the copy of it in the installed package."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.price_lists.entries import Entry, Reading, model_of
from ingest.price_lists.price_list import PriceList
from ingest.pricing.matching import provider_of

SOURCE: Final = "litellm"
_EXAMPLE: Final = "sample_spec"
_STARTING_AT: Final = frozenset(["xai"])
"""Providers of which LiteLLM reads "above 200k" as "from 200,000 on"."""


_OF_SIZE: Final = re.compile(r"(^|/)\d+-x-\d+/")
_GOES_IN: Final = "input_cost_per_image"
_IS_MADE: Final = "output_cost_per_image"


def recognises(entries: Iterable[Any]) -> bool:
    """Whether these are entries of the map."""
    return any(isinstance(one, dict) and "litellm_provider" in one for one in entries)


def read(held: Mapping[str, Any], origin: str, source: str | None = None) -> PriceList:
    """The prices of a map. Entries that are no models (its example, its rules) say no provider and are passed by."""
    reading = Reading("litellm", source or SOURCE, origin, _STARTING_AT)
    return reading.take(sorted(_entries(held), key=_is_by_another_name))


def _entries(held: Mapping[str, Any]) -> Iterator[Entry]:
    for key, said in held.items():
        if key == _EXAMPLE or not isinstance(said, dict) or not isinstance(said.get("litellm_provider"), str):
            continue
        provider = provider_of(said["litellm_provider"])
        yield Entry(key, provider, model_of(key, provider), str(said.get("mode") or ""), _made(key, said))


def _made(key: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry of images of one size has the price of one that is made, which the map calls that of one that goes in."""
    if not _OF_SIZE.search(key) or _GOES_IN not in said or _IS_MADE in said:
        return said
    return {_IS_MADE if name == _GOES_IN else name: one for name, one in said.items()}


def _is_by_another_name(entry: Entry) -> bool:
    """Of entries that are one model, that of the provider itself stands before that of its by-names."""
    return str(entry.said["litellm_provider"]) != entry.provider
