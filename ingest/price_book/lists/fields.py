"""Price fields of LiteLLM's map, whose names Bifrost's datasheet uses too, and the unit that each one prices.

A name is a base, optionally followed by `_above_1hr` or `_above_12hr`, `_above_200k_tokens` and a tier.
Fields without a meter are missing here and are listed as left out by their name.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

MILLION: Final = 1_000_000


class Measure(NamedTuple):
    """The meter that a field prices, and the number of units that the price is published for."""

    meter: str
    per: int
    times: int = 1
    """The number of meter units in one unit of the field: a second is 1,000 milliseconds."""


class PriceField(NamedTuple):
    """A parsed field name: its measure, its service tier and the start of its context band."""

    measure: Measure
    service_tier: str
    above: int


TOKENS: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "input_cost_per_audio_token": "input_audio",
    "input_cost_per_image_token": "input_image",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "cache_read_input_image_token_cost": "cache_read_image",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_token": "output",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_image_token": "output_image",
    "output_cost_per_reasoning_token": "reasoning",
    "citation_cost_per_token": "citation",
}
"""Token prices, for models of every mode."""

_PER_SECOND: Final = 1_000
_MEASURES: Final[Mapping[str, Measure]] = {
    **{name: Measure(meter, MILLION) for name, meter in TOKENS.items()},
    "input_cost_per_character": Measure("character", MILLION),
    "input_cost_per_audio_per_second": Measure("input_audio_ms", _PER_SECOND, _PER_SECOND),
    "input_cost_per_request": Measure("request", 1),
    "search_context_cost_per_query": Measure("search", 1_000),
    "ocr_cost_per_page": Measure("page", 1_000),
}
"""Fields that mean the same for every model."""

_INPUT_SECONDS: Final = Measure("input_audio_ms", _PER_SECOND, _PER_SECOND)
_OUTPUT_SECONDS: Final = Measure("audio_ms", _PER_SECOND, _PER_SECOND)
_VIDEO_SECONDS: Final = Measure("video_ms", _PER_SECOND, _PER_SECOND)
_IMAGES: Final = Measure("image", 1)
_BY_MODE: Final[Mapping[tuple[str, str], Measure]] = {
    ("input_cost_per_second", "audio_transcription"): _INPUT_SECONDS,
    ("input_cost_per_second", "realtime"): _INPUT_SECONDS,
    ("output_cost_per_second", "audio_transcription"): _OUTPUT_SECONDS,
    ("output_cost_per_second", "audio_speech"): _OUTPUT_SECONDS,
    ("output_cost_per_second", "video_generation"): _VIDEO_SECONDS,
    ("output_cost_per_video_per_second", "video_generation"): _VIDEO_SECONDS,
    ("output_cost_per_image", "image_generation"): _IMAGES,
    ("output_cost_per_image", "image_edit"): _IMAGES,
    ("input_cost_per_query", "rerank"): Measure("search_unit", 1_000),
    ("input_cost_per_query", "search"): Measure("search", 1_000),
}
"""Fields whose meaning depends on the model's mode, and which have no meter in other modes."""

_TIERS: Final[Mapping[str, str]] = {
    "": "standard",
    "balanced": "balanced",
    "batches": "batch",
    "fast": "fast",
    "flex": "flex",
    "priority": "priority",
    "ultrafast": "ultrafast",
}
_NAME: Final = re.compile(
    r"(?P<base>.+?)(?:_above_(?P<hours>1|12)hr)?(?:_above_(?P<thousands>\d{1,6})k_tokens)?"
    r"(?:_(?P<tier>balanced|batches|fast|flex|priority|ultrafast))?"
)
_PRICES: Final = re.compile(r"(?:\w+_)?(?:cost|price)(?:_.*)?")


def looks_like_price(name: str) -> bool:
    """Whether a field name looks like a price."""
    return name.isascii() and _PRICES.fullmatch(name) is not None


@lru_cache(maxsize=8192)
def price_field(name: str, mode: str) -> PriceField | None:
    """The parsed field of a model of this mode, or None if it has no meter."""
    match = _NAME.fullmatch(name)
    assert match is not None
    measure = _MEASURES.get(match["base"]) or _BY_MODE.get((match["base"], mode))
    if measure is None:
        return None
    if match["hours"]:
        if measure.meter != "cache_write":
            return None
        measure = measure._replace(meter=f"cache_write_{match['hours']}h")
    return PriceField(measure, _TIERS[match["tier"] or ""], int(match["thousands"] or 0) * 1_000)
