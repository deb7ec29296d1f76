"""Bifrost's datasheet of prices: `{key: entry}` with LiteLLM's field names and an own `provider` field."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.price_book.lists import fields
from ingest.price_book.lists.entries import MapEntry, PriceMapReader, model_of
from ingest.price_book.lists.price_list import PriceList
from ingest.pricing.matching import provider_of

SOURCE: Final = "bifrost"
_MODES: Final = {
    "container": "",
    "image": "image_generation",
    "image_variation": "image_edit",
    "speech": "audio_speech",
    "transcription": "audio_transcription",
    "video": "video_generation",
}
"""Bifrost's names of modes that LiteLLM names differently."""
_PER_IMAGE: Final = "output_cost_per_image"
_OF_QUALITY: Final = re.compile(rf"{_PER_IMAGE}_(low|medium|high)_quality")


def recognises(entries: Iterable[Any]) -> bool:
    """Whether the entries come from a datasheet."""
    return any(
        isinstance(entry, dict)
        and "provider" in entry
        and any(fields.looks_like_price(name) for name in entry)
        for entry in entries
    )


def read(datasheet: Mapping[str, Any], origin: str, source: str | None = None) -> PriceList:
    """The prices of a datasheet."""
    return PriceMapReader("bifrost", source or SOURCE, origin).read(_entries(datasheet))


def _entries(datasheet: Mapping[str, Any]) -> Iterator[MapEntry]:
    for key, values in datasheet.items():
        if isinstance(values, dict) and isinstance(values.get("provider"), str):
            provider = provider_of(values["provider"])
            mode = str(values.get("mode") or "")
            whole = MapEntry(key, provider, model_of(key, provider), _MODES.get(mode, mode), values)
            by_quality = {name: match[1] for name in values if (match := _OF_QUALITY.fullmatch(name))}
            yield whole._replace(
                values={name: value for name, value in values.items() if name not in by_quality}
                if by_quality
                else values
            )
            for name, quality in by_quality.items():  # spelled as in LiteLLM's map
                yield whole._replace(model=f"{quality}/{whole.model}", values={_PER_IMAGE: values[name]})
