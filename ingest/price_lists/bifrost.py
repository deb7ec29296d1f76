"""Bifrost's datasheet of prices: `{key: entry}` with LiteLLM's names of fields and a `provider` of its own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ingest.price_lists import fields
from ingest.price_lists.entries import Entry, Reading, model_of
from ingest.price_lists.price_list import PriceList
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
"""Bifrost's words for what a model does, where they are not LiteLLM's."""
_PER_IMAGE: Final = "output_cost_per_image"
_OF_QUALITY: Final = re.compile(rf"{_PER_IMAGE}_(low|medium|high)_quality")


def recognises(entries: Iterable[Any]) -> bool:
    """Whether these are entries of a datasheet."""
    return any(
        isinstance(one, dict) and "provider" in one and any(fields.is_a_price(name) for name in one)
        for one in entries
    )


def read(held: Mapping[str, Any], origin: str, source: str | None = None) -> PriceList:
    """The prices of a datasheet."""
    return Reading("bifrost", source or SOURCE, origin).take(_entries(held))


def _entries(held: Mapping[str, Any]) -> Iterator[Entry]:
    for key, said in held.items():
        if isinstance(said, dict) and isinstance(said.get("provider"), str):
            provider = provider_of(said["provider"])
            mode = str(said.get("mode") or "")
            whole = Entry(key, provider, model_of(key, provider), _MODES.get(mode, mode), said)
            by_quality = {name: found[1] for name in said if (found := _OF_QUALITY.fullmatch(name))}
            yield whole._replace(
                said={name: one for name, one in said.items() if name not in by_quality}
                if by_quality
                else said
            )
            for name, quality in by_quality.items():  # spelled as LiteLLM's map spells it
                yield whole._replace(model=f"{quality}/{whole.model}", said={_PER_IMAGE: said[name]})
