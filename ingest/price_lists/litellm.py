"""LiteLLM's price map: `model_prices_and_context_window.json`, or the copy of it in the installed package."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.price_lists.entries import Entry, Reading, model_of
from ingest.price_lists.price_list import PriceList
from ingest.pricing.matching import provider_of

SOURCE: Final = "litellm"
_EXAMPLE: Final = "sample_spec"
_STARTING_AT: Final = frozenset(["xai"])
"""Providers of which LiteLLM reads "above 200k" as "from 200,000 on"."""


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
        yield Entry(key, provider, model_of(key, provider), str(said.get("mode") or ""), said)


def _is_by_another_name(entry: Entry) -> bool:
    """Of entries that are one model, that of the provider itself stands before that of its by-names."""
    return str(entry.said["litellm_provider"]) != entry.provider
