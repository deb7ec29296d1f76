"""The ledger's meters in an export: their names, their units, and their SKU details."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TOKENS: Final = "Tokens"
REQUESTS: Final = "Requests"
UNITS: Final = "Units"
"""The unit of charges that have an amount and no unit price: a unit of the billing currency."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A kind of usage. Kinds are disjoint: no usage is counted by two of them."""

    sku: str
    """The meter's part of a SKU's id."""
    name: str
    """The SkuMeter."""
    description: str
    """The name in a charge's description."""
    unit: str = TOKENS
    per: int = 1
    """How many of the ledger's units are one unit: 1,000 milliseconds are a second."""
    direction: str | None = None
    cache: str | None = None


_INPUT: Final = "Input"
_OUTPUT: Final = "Output"

METERS: Final[Mapping[str, Meter]] = {
    "input": Meter("input", "Input Tokens", "input tokens", direction=_INPUT, cache="Uncached"),
    "input_audio": Meter(
        "audio-input", "Audio Input Tokens", "audio input tokens", direction=_INPUT, cache="Uncached"
    ),
    "input_image": Meter(
        "image-input", "Image Input Tokens", "image input tokens", direction=_INPUT, cache="Uncached"
    ),
    "cache_read": Meter(
        "cache-read", "Cache Read Input Tokens", "cached input tokens", direction=_INPUT, cache="Read"
    ),
    "cache_read_audio": Meter(
        "audio-cache-read",
        "Cache Read Audio Input Tokens",
        "cached audio input tokens",
        direction=_INPUT,
        cache="Read",
    ),
    "cache_read_image": Meter(
        "image-cache-read",
        "Cache Read Image Input Tokens",
        "cached image input tokens",
        direction=_INPUT,
        cache="Read",
    ),
    "cache_write": Meter(
        "cache-write",
        "Cache Write Input Tokens",
        "input tokens written to the cache",
        direction=_INPUT,
        cache="Write",
    ),
    "cache_write_1h": Meter(
        "cache-write-1h",
        "Cache Write 1h Input Tokens",
        "input tokens written to the cache for an hour",
        direction=_INPUT,
        cache="Write",
    ),
    "cache_write_12h": Meter(
        "cache-write-12h",
        "Cache Write 12h Input Tokens",
        "input tokens written to the cache for twelve hours",
        direction=_INPUT,
        cache="Write",
    ),
    "output": Meter("output", "Output Tokens", "output tokens", direction=_OUTPUT),
    "output_audio": Meter("audio-output", "Audio Output Tokens", "audio output tokens", direction=_OUTPUT),
    "output_image": Meter("image-output", "Image Output Tokens", "image output tokens", direction=_OUTPUT),
    "reasoning": Meter("reasoning", "Reasoning Output Tokens", "reasoning tokens", direction=_OUTPUT),
    "citation": Meter("citation", "Citation Output Tokens", "citation tokens", direction=_OUTPUT),
    "search": Meter("search", "Search Requests", "searches", REQUESTS),
    "request": Meter("request", "Requests", "requests", REQUESTS),
    "tool_call": Meter("tool-call", "Tool Calls", "tool calls", "Tool Calls"),
    "character": Meter("character", "Characters", "characters", "Characters"),
    "page": Meter("page", "Pages", "pages", "Pages"),
    "audio_ms": Meter("audio-second", "Audio Seconds", "seconds of audio", "Seconds", 1_000),
    "input_audio_ms": Meter(
        "input-audio-second", "Input Audio Seconds", "seconds of input audio", "Seconds", 1_000
    ),
    "video_ms": Meter("video-second", "Video Seconds", "seconds of video", "Seconds", 1_000),
    "image": Meter("image", "Images", "images", "Images"),
    "search_unit": Meter("search-unit", "Search Units", "search units", "Search Units"),
    "tool": Meter("tool", "Tool Requests", "tools", REQUESTS),
    "other": Meter("other", "Tokens", "usage"),
}
"""Every meter that has a price, and two kinds of cost that have none: `tool` and `other`."""
