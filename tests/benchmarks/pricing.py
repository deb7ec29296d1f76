"""How long pricing one ordinary call takes, beside genai-prices itself: `python tests/benchmarks/pricing.py`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import genai_prices

from ingest.event import UsageEvent
from ingest.ledger.types import micros
from ingest.pricing.book import Book
from ingest.pricing.pricing import price

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


def main() -> None:
    """Print one row per model."""
    book = Book()
    at = micros(MOMENT)
    print(f"{'model':<32}{'tallybook':>12}{'genai-prices':>14}  microseconds a call")
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
        mine = microseconds(partial(price, event, book, at), 20_000)
        calc = partial(
            genai_prices.calc_price, usage, model, provider_id=provider, genai_request_timestamp=MOMENT
        )
        theirs = microseconds(calc, 1_000)
        print(f"{provider + '/' + model:<32}{mine:>12.1f}{theirs:>14.1f}")


if __name__ == "__main__":
    main()
