"""How long pricing one ordinary call takes, beside genai-prices and LiteLLM.

`python -m tests.benchmarks.pricing`. Once with the snapshot alone, once with prices
and a discount of one's own over it.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks the network
import genai_prices
import litellm

from ingest.model.event import UsageEvent
from ingest.model.zone import micros
from ingest.pricing.book import Book, StoredPrices
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.pricing import price
from ingest.pricing.terms import Term

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
MODELS = (("openai", "gpt-5.4"), ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-pro"))


def microseconds(work: Callable[[], object], times: int) -> float:
    """The best of five means over `times` runs."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, time.perf_counter() - started)
    return best / times * 1e6


def contracted() -> Book:
    """A book with a price and a discount of one's own for each of the models."""
    points = [
        PricePoint(
            source=OWN,
            provider=provider,
            model=model,
            meter="input",
            price=Decimal(2),
            per=1_000_000,
            number=at,
        )
        for at, (provider, model) in enumerate(MODELS, 1)
    ]
    discount = Term(kind="discount", factor=Decimal("0.88"), number=1)
    return Book(StoredPrices(points=tuple(points), terms=(discount,)))


def main() -> None:
    """Print one row per model."""
    plain, own = Book(), contracted()
    at = micros(MOMENT)
    heads = ("tallybook", "own + 12% off", "genai-prices", "litellm")
    print(f"{'microseconds a call':<32}" + "".join(f"{head:>16}" for head in heads))
    for provider, model in MODELS:
        event = UsageEvent(
            source="bench",
            provider=provider,
            model=model,
            input_tokens=1500,
            cache_read_tokens=500,
            output_tokens=200,
        )
        usage = genai_prices.Usage(input_tokens=1500, cache_read_tokens=500, output_tokens=200)
        calc = partial(
            genai_prices.calc_price, usage, model, provider_id=provider, genai_request_timestamp=MOMENT
        )
        per_token = partial(
            litellm.cost_per_token,
            model=model,
            prompt_tokens=1500,
            completion_tokens=200,
            cache_read_input_tokens=500,
            custom_llm_provider={"google": "gemini"}.get(provider, provider),
        )
        found = [
            microseconds(partial(price, event, plain, at), 20_000),
            microseconds(partial(price, event, own, at), 20_000),
            microseconds(calc, 1_000),
            microseconds(per_token, 1_000),
        ]
        print(f"{provider + '/' + model:<32}" + "".join(f"{one:>16.1f}" for one in found))


if __name__ == "__main__":
    main()
