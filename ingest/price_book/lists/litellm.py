"""LiteLLM's price map: `model_prices_and_context_window.json`, or the copy of it in the installed package."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.price_book.lists.entries import MapEntry, PriceMapReader, model_of
from ingest.price_book.lists.price_list import PriceList
from ingest.pricing.matching import provider_of

SOURCE: Final = "litellm"
_EXAMPLE: Final = "sample_spec"
_STARTING_AT: Final = frozenset(["xai"])
"""Providers for which LiteLLM reads "above 200k" as "from 200,000 on"."""


_OF_SIZE: Final = re.compile(r"(^|/)\d+-x-\d+/")
_INPUT_IMAGE: Final = "input_cost_per_image"
_OUTPUT_IMAGE: Final = "output_cost_per_image"


def recognises(entries: Iterable[Any]) -> bool:
    """Whether the entries come from LiteLLM's map."""
    return any(isinstance(entry, dict) and "litellm_provider" in entry for entry in entries)


def read(price_map: Mapping[str, Any], origin: str, source: str | None = None) -> PriceList:
    """The prices of a map.

    Entries that are no models (its example, its rules) have no provider and are skipped.
    """
    reader = PriceMapReader("litellm", source or SOURCE, origin, _STARTING_AT)
    return reader.read(sorted(_entries(price_map), key=_has_other_provider_name))


def _entries(price_map: Mapping[str, Any]) -> Iterator[MapEntry]:
    for key, values in price_map.items():
        if (
            key == _EXAMPLE
            or not isinstance(values, dict)
            or not isinstance(values.get("litellm_provider"), str)
        ):
            continue
        provider = provider_of(values["litellm_provider"])
        yield MapEntry(
            key,
            provider,
            model_of(key, provider),
            str(values.get("mode") or ""),
            _with_output_price(key, values),
        )


def _with_output_price(key: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of an entry, with the price of size-specific images renamed from input to output."""
    if not _OF_SIZE.search(key) or _INPUT_IMAGE not in values or _OUTPUT_IMAGE in values:
        return values
    return {_OUTPUT_IMAGE if name == _INPUT_IMAGE else name: value for name, value in values.items()}


def _has_other_provider_name(entry: MapEntry) -> bool:
    """Sort key: entries under the provider's own name come before entries under its other names."""
    return str(entry.values["litellm_provider"]) != entry.provider
