"""Fields of LiteLLM's price map and of Bifrost's datasheet, which has its names from there: what each is the price of.

A name is a base, then perhaps `_above_1hr`, `_above_200k_tokens`, and a service tier. What has no meter of ours is not
here, and so is left out by name.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

MILLION: Final = 1_000_000


class Measure(NamedTuple):
    """The meter that a field prices one unit of, and for how many units people know that price."""

    meter: str
    per: int
    times: int = 1
    """How many units of the meter one unit of the field is: a second is a thousand milliseconds."""


class Field(NamedTuple):
    """What a field is the price of."""

    measure: Measure
    service_tier: str
    above: int


TOKENS: Final[Mapping[str, str]] = {
    "input_cost_per_token": "input",
    "input_cost_per_audio_token": "input_audio",
    "input_cost_per_image_token": "input_image",
    "cache_read_input_token_cost": "cache_read",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_token": "output",
    "output_cost_per_audio_token": "output_audio",
    "output_cost_per_image_token": "output_image",
    "output_cost_per_reasoning_token": "reasoning",
    "citation_cost_per_token": "citation",
}
"""Prices of tokens, whatever the model is for."""

_PER_SECOND: Final = 1_000
_MEASURES: Final[Mapping[str, Measure]] = {
    **{name: Measure(meter, MILLION) for name, meter in TOKENS.items()},
    "input_cost_per_character": Measure("character", MILLION),
    "input_cost_per_request": Measure("request", 1),
    "search_context_cost_per_query": Measure("search", 1_000),
    "ocr_cost_per_page": Measure("page", 1_000),
}
"""Fields that mean the same for every model."""

_SECONDS_IN: Final = Measure("input_audio_ms", _PER_SECOND, _PER_SECOND)
_SECONDS_OUT: Final = Measure("audio_ms", _PER_SECOND, _PER_SECOND)
_SECONDS_SEEN: Final = Measure("video_ms", _PER_SECOND, _PER_SECOND)
_IMAGES: Final = Measure("image", 1)
_BY_MODE: Final[Mapping[tuple[str, str], Measure]] = {
    ("input_cost_per_second", "audio_transcription"): _SECONDS_IN,
    ("input_cost_per_second", "realtime"): _SECONDS_IN,
    ("input_cost_per_audio_per_second", "audio_transcription"): _SECONDS_IN,
    ("output_cost_per_second", "audio_transcription"): _SECONDS_OUT,
    ("output_cost_per_second", "audio_speech"): _SECONDS_OUT,
    ("output_cost_per_second", "video_generation"): _SECONDS_SEEN,
    ("output_cost_per_video_per_second", "video_generation"): _SECONDS_SEEN,
    ("output_cost_per_image", "image_generation"): _IMAGES,
    ("output_cost_per_image", "image_edit"): _IMAGES,
    ("input_cost_per_query", "rerank"): Measure("search_unit", 1_000),
    ("input_cost_per_query", "search"): Measure("search", 1_000),
}
"""Fields that mean something else, or nothing that is metered, for other models."""

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
    r"(?P<base>.+?)(?P<hour>_above_1hr)?(?:_above_(?P<thousands>\d{1,6})k_tokens)?"
    r"(?:_(?P<tier>balanced|batches|fast|flex|priority|ultrafast))?"
)
_PRICES: Final = re.compile(r"(?:\w+_)?(?:cost|price)(?:_.*)?")


def is_a_price(name: str) -> bool:
    """Whether a field looks like a price at all."""
    return name.isascii() and _PRICES.fullmatch(name) is not None


@lru_cache(maxsize=8192)
def field(name: str, mode: str) -> Field | None:
    """What the field is the price of for a model that does `mode`; None for what has no meter."""
    found = _NAME.fullmatch(name)
    assert found is not None
    measure = _MEASURES.get(found["base"]) or _BY_MODE.get((found["base"], mode))
    if measure is None:
        return None
    if found["hour"]:
        if measure.meter != "cache_write":
            return None
        measure = measure._replace(meter="cache_write_1h")
    return Field(measure, _TIERS[found["tier"] or ""], int(found["thousands"] or 0) * 1_000)
