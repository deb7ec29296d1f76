"""Worked examples: what providers' published prices and rules make of a call, with the arithmetic.

The arithmetic is written out and done here with exact fractions, checked against the ledger's answer to the
last digit, and stands in the guide in the same words.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import UsageEvent
from ingest.model.money import PICO_PER_UNIT, plain
from ingest.model.zone import micros
from ingest.price_book.service import SetPriceOptions, set_price
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.pricing import price
from tests.support.paths import DOCS

GUIDE = (DOCS / "prices.md").read_text()
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
NIGHT = NOON.replace(hour=2)
RELEASED = NOON.replace(day=21)
"""A day on which the list with the price holds."""


@dataclass(frozen=True)
class Example:
    """One call, and what it costs: figures, `+`, `-`, `x`, `/`, `^` and brackets."""

    what: str
    model: str
    arithmetic: str
    cost: str
    call: dict[str, Any] = field(default_factory=dict)
    set_: tuple[str, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)
    when: datetime = NOON

    @property
    def row(self) -> str:
        """The line of the guide."""
        return f"| {self.what} | `{self.model}` | {self.arithmetic} | {self.cost} |"


def tokens(inp: int, out: int, **more: Any) -> dict[str, Any]:
    return {"input_tokens": inp, "output_tokens": out, **more}


SONNET, GPT, PRO = "anthropic/claude-sonnet-4-5", "openai/gpt-5.4", "gemini/gemini-2.5-pro"

EXAMPLES = [
    Example("cache: 8,000 of 10,000 tokens read, 600 written for 5 minutes, 400 for an hour", SONNET,
        "(1,000 x 3 + 8,000 x 0.30 + 600 x 3.75 + 400 x 6 + 500 x 15) / 10^6", "0.01755",
        tokens(10_000, 500, cache_read_tokens=8_000, cache_write_tokens=1_000, cache_write_5m_tokens=600,
               cache_write_1h_tokens=400)),
    Example("200,000 tokens of input: still the usual price", SONNET,
        "(200,000 x 3 + 1,000 x 15) / 10^6", "0.615", tokens(200_000, 1_000)),
    Example("one more: all tokens at the price of long context", SONNET,
        "(200,001 x 6 + 1,000 x 22.50) / 10^6", "1.222506", tokens(200_001, 1_000)),
    Example("long context with a cache: what decides is all of the input", SONNET,
        "(10,000 x 6 + 240,000 x 0.60 + 1,000 x 22.50) / 10^6", "0.2265",
        tokens(250_000, 1_000, cache_read_tokens=240_000)),
    Example("`inference_geo` us: tokens cost a tenth more, searches the same", "anthropic/claude-sonnet-4-6",
        "(10,000 x 3 + 1,000 x 15) x 1.1 / 10^6 + 2 x 10 / 1,000", "0.0695",
        tokens(10_000, 1_000, region="us", search_queries=2)),
    Example("web searches at 10 per 1,000", SONNET,
        "(5,000 x 3 + 800 x 15) / 10^6 + 3 x 10 / 1,000", "0.057", tokens(5_000, 800, search_queries=3)),
    Example("batch: half price", SONNET,
        "(10,000 x 1.50 + 1,000 x 7.50) / 10^6", "0.0225", tokens(10_000, 1_000, service_tier="batch")),
    Example("cached input", "openai/gpt-4o",
        "(976 x 2.50 + 1,024 x 1.25 + 300 x 10) / 10^6", "0.00672", tokens(2_000, 300, cache_read_tokens=1_024)),
    Example("reasoning is output", GPT,
        "(1,000 x 2.50 + 2,000 x 15) / 10^6", "0.0325", tokens(1_000, 2_000, reasoning_tokens=1_500)),
    Example("batch", GPT, "(1,000 x 1.25 + 500 x 7.50) / 10^6", "0.005", tokens(1_000, 500, service_tier="batch")),
    Example("flex", GPT, "(1,000 x 1.25 + 500 x 7.50) / 10^6", "0.005", tokens(1_000, 500, service_tier="flex")),
    Example("priority", GPT, "(1,000 x 5 + 500 x 30) / 10^6", "0.02", tokens(1_000, 500, service_tier="priority")),
    Example("272,000 tokens of input: still the usual price", GPT,
        "(272,000 x 2.50 + 100 x 15) / 10^6", "0.6815", tokens(272_000, 100)),
    Example("one more: double input, half as much again for output", GPT,
        "(272,001 x 5 + 100 x 22.50) / 10^6", "1.362255", tokens(272_001, 100)),
    Example("200,000 tokens of input: still the usual price", PRO,
        "(200,000 x 1.25 + 1,000 x 10) / 10^6", "0.26", tokens(200_000, 1_000)),
    Example("one more", PRO, "(200,001 x 2.50 + 1,000 x 15) / 10^6", "0.5150025", tokens(200_001, 1_000)),
    Example("128,000 tokens of input: still the usual price", "gemini/gemini-1.5-pro",
        "(128,000 x 1.25 + 1,000 x 5) / 10^6", "0.165", tokens(128_000, 1_000)),
    Example("one more", "gemini/gemini-1.5-pro",
        "(128,001 x 2.50 + 1,000 x 10) / 10^6", "0.3300025", tokens(128_001, 1_000)),
    Example("thinking is output", "gemini/gemini-2.5-flash",
        "(1,000 x 0.30 + 1,700 x 2.50) / 10^6", "0.00455", tokens(1_000, 1_700, reasoning_tokens=1_200)),
    Example("audio in: 750 of 1,000 tokens", "gemini/gemini-2.5-flash",
        "(250 x 0.30 + 750 x 1 + 200 x 2.50) / 10^6", "0.001325", tokens(1_000, 200, input_audio_tokens=750)),
    Example("audio in, of which 284 of 321 tokens are cached", "gemini/gemini-2.5-flash",
        "(342 x 0.30 + 37 x 1 + 2,634 x 0.03 + 284 x 0.10 + 150 x 2.50) / 10^6", "0.00062202",
        tokens(3_297, 150, cache_read_tokens=2_918, input_audio_tokens=321, cache_read_audio_tokens=284)),
    Example("cache hits and misses", "deepseek/deepseek-chat",
        "(6,000 x 0.028 + 4,000 x 0.28 + 500 x 0.42) / 10^6", "0.001498",
        tokens(10_000, 500, cache_read_tokens=6_000), when=RELEASED),
    Example("peak hours, 01:00 to 04:00 UTC: double price", "deepseek/deepseek-v4-pro",
        "(6,000 x 0.044 + 4,000 x 1.32 + 500 x 3.96) / 10^6", "0.007524",
        tokens(10_000, 500, cache_read_tokens=6_000), when=NIGHT),
    Example("three images of 1024x1536 in high quality, priced per image", "openai/gpt-image-1",
        "3 x 0.25", "0.75", {"request_type": "image_generation", "images": 3, "image_size": "1024x1536",
                            "image_quality": "high"}, ("image=0.25",), {"model": "high/1024-x-1536/gpt-image-1"}),
    Example("two calls of a hosted tool at 0.03, beside tokens", "openai/gpt-5.4",
        "(1,000 x 2.50 + 100 x 15) / 10^6 + 2 x 0.03", "0.064", tokens(1_000, 100, tool_calls=2), ("tool_call=0.03",)),
    Example("two images, priced per image", "openai/dall-e-3",
        "2 x 0.04", "0.08", {"images": 2, "request_type": "image_generation"}, ("image=0.04",)),
    Example("an image, priced by its tokens", "openai/gpt-image-1",
        "(100 x 5 + 1,056 x 40) / 10^6", "0.04274",
        tokens(100, 1_056, images=1, output_image_tokens=1_056, request_type="image_generation")),
    Example("speech: 1,234 characters", "openai/tts-1",
        "1,234 x 15 / 10^6", "0.01851", {"characters": 1_234, "request_type": "speech"}),
    Example("transcription of 90.5 seconds at 0.006 a minute", "openai/whisper-1",
        "90.5 x 0.006 / 60", "0.00905", {"audio_ms": 90_500, "request_type": "transcription"},
        ("audio_seconds=0.006",), {"per": 60}),
    Example("transcription of 3 seconds, billed as 10, at 0.111 an hour", "groq/whisper-large-v3",
        "10 x 0.111 / 3,600", "0.000308333333", {"audio_ms": 3_000, "request_type": "transcription"},
        ("audio_seconds=0.111",), {"per": 3_600, "least": 10}),
    Example("rerank: 3 search units at 2 per 1,000", "cohere/rerank-v3.5",
        "3 x 2 / 1,000", "0.006", {"search_units": 3, "request_type": "rerank"}, ("search_unit=2",), {"per": 1_000}),
    Example("OCR of 17 pages at 4 per 1,000", "mistral/mistral-ocr-4",
        "17 x 4 / 1,000", "0.068", {"pages": 17, "request_type": "ocr"}, ("page=4",), {"per": 1_000}),
]  # fmt: skip


def worked(arithmetic: str) -> Fraction:
    """The value of written arithmetic, exactly."""
    text = re.sub(r"(?<=\d),(?=\d)", "", arithmetic).replace("10^6", "1000000").replace(" x ", " * ")
    assert re.fullmatch(r"[\d. ()+*/-]+", text), text
    exact = re.sub(r"\d+(\.\d+)?", lambda figure: f"Fraction('{figure[0]}')", text)
    return Fraction(eval(exact, {"Fraction": Fraction}))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.model}: {one.what}")
def test_a_call_costs_what_the_published_rule_says_to_the_last_digit(
    embedded: Ledger, example: Example
) -> None:
    provider, _, model = example.model.partition("/")
    if example.set_:
        about: dict[str, Any] = {"provider": provider, "model": model, "assignments": example.set_}
        set_price(embedded, SetPriceOptions(**about | example.how), by="ana", at=micros(NOON))
    event = UsageEvent(**{"source": "test", "provider": provider, "model": model, **example.call})
    charge = price(event, read_book(embedded), micros(example.when))
    assert charge.cost_source == "computed", charge.unpriced_reason
    assert charge.total_cost is not None
    assert charge.total_cost == round(worked(example.arithmetic) * PICO_PER_UNIT)
    assert plain(charge.total_cost) == example.cost == f"{Decimal(example.cost):f}"
    assert sum(getattr(charge, name) or 0 for name in COMPONENTS) == charge.total_cost


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.model}: {one.what}")
def test_the_guide_has_the_example(example: Example) -> None:
    assert example.row in GUIDE
