"""How many of the models in LiteLLM's price map have a price, by what they do and by meter.

`python -m tests.benchmarks.coverage`. Once with genai-prices alone, once with both lists that ship. A model
counts as priced where a call in the standard tier finds any price, and a meter where it finds a price of that
meter, of the models that have such a price in the map.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

from ingest.clock import now
from ingest.ledger.price_book import snapshot
from ingest.price_book import lists
from ingest.price_book.lists.entries import model_of
from ingest.pricing.book import Book
from ingest.pricing.litellm_snapshot import EMPTY
from ingest.pricing.matching import provider_of
from ingest.pricing.rates import METERS, PriceSet

Model = tuple[str, str]
FEWEST = 20
"""Modes of fewer models stand together."""


def modes(raw: bytes) -> dict[Model, str]:
    """What each model of the map does."""
    found: dict[Model, str] = {}
    for key, said in json.loads(raw).items():
        if key != "sample_spec" and "litellm_provider" in said:
            provider = provider_of(said["litellm_provider"])
            found.setdefault((provider, model_of(key, provider)), said.get("mode") or "other")
    return found


def meters(book: Book, models: dict[Model, str]) -> dict[Model, frozenset[str]]:
    """The meters that each model has a price of now."""
    at = now()
    found = {model: book.find(*model, None, at, 0) for model in models}
    return {
        model: frozenset(prices.by_meter) for model, prices in found.items() if isinstance(prices, PriceSet)
    }


def table(title: str, rows: dict[str, int], *columns: Callable[[str], int]) -> None:
    """Print one row each, as Markdown."""
    print(f"| {title} | models | genai-prices alone | both lists |\n|---|---|---|---|")
    for name, count in rows.items():
        cells = (f"{column(name):,} ({column(name) / count:.0%})" for column in columns)
        print(f"| {name} | {count:,} | {' | '.join(cells)} |")
    print()


def main() -> None:
    """Print the two tables."""
    package = distribution("litellm")
    raw = Path(str(package.locate_file("litellm/model_prices_and_context_window_backup.json"))).read_bytes()
    listed = lists.read(f"litellm {package.version}", raw)
    does = modes(raw)
    alone = meters(Book(snapshot=snapshot(), litellm=EMPTY), does)
    both = meters(Book(snapshot=snapshot()), does)
    sizes = Counter(does.values())
    mode_of = {model: mode if sizes[mode] >= FEWEST else "other" for model, mode in does.items()}
    by_mode = dict(Counter(mode_of.values()).most_common()) | {"all": len(does)}
    priced: dict[str, set[Model]] = defaultdict(set)
    for point in listed.points:
        if point.service_tier == "standard":
            priced[point.meter].add((point.provider, point.model))

    def of_mode(found: dict[Model, frozenset[str]]) -> Callable[[str], int]:
        return lambda mode: sum(mode in ("all", mode_of[model]) for model in found)

    def of_meter(found: dict[Model, frozenset[str]]) -> Callable[[str], int]:
        return lambda meter: sum(meter in found.get(model, ()) for model in priced[meter])

    print(f"{listed.origin}, genai-prices {package_version('genai-prices')}\n")
    table("what the model does", by_mode, of_mode(alone), of_mode(both))
    table(
        "meter",
        {one: len(priced[one]) for one in METERS if priced[one]},
        of_meter(alone),
        of_meter(both),
    )


def package_version(name: str) -> str:
    """The version of an installed package."""
    return distribution(name).version


if __name__ == "__main__":
    main()
