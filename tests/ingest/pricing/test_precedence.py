"""The two price lists that ship: what they cover, and which of them stands first."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingest.model.zone import micros
from ingest.pricing import precedence
from ingest.pricing.book import Alias, Book, StoredPrices
from ingest.pricing.conflicts import conflicts
from ingest.pricing.litellm_snapshot import Edition, LitellmSnapshot, day_start, litellm_snapshot
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from tests.support.paths import TESTS

RELEASED = litellm_snapshot().editions[0].at
NOW = micros(datetime(2026, 11, 29, 12, tzinfo=UTC))
NIGHT = NOW + 8 * 3_600_000_000
BOOK_DAY = micros(datetime(2026, 11, 20, tzinfo=UTC))
BOOK = Book()
MODELS = TESTS / "price_lists" / "models.txt"


def found(provider: str, model: str, at: int = NOW, book: Book = BOOK, tokens: int = 0) -> PriceSet:
    prices = book.find(provider, model, None, at, tokens)
    assert isinstance(prices, PriceSet), prices
    return prices


def per_million(provider: str, model: str, at: int = NOW) -> tuple[str, str]:
    rates = found(provider, model, at).by_meter
    return str(rates["input"].price), str(rates["output"].price)


def listed(meter: str, price: str, **about: Any) -> PricePoint:
    fields: dict[str, Any] = {
        "provider": "mistral",
        "model": "mistral-large-latest",
        "per": 1_000_000,
        **about,
    }
    return PricePoint(source="litellm", meter=meter, price=Decimal(price), **fields)


def book_with(*points: PricePoint, released: date = date(2026, 11, 20)) -> Book:
    edition = Edition("0.0.1", released)
    return Book(snapshot=BOOK.snapshot, litellm=LitellmSnapshot((edition,), points))


def test_95_of_100_models_that_gateways_call_have_a_price_of_a_named_source() -> None:
    lines = [line for line in MODELS.read_text().splitlines() if line and not line.startswith("#")]
    names = [line.split("\t")[:2] for line in lines]
    priced = [
        prices
        for provider, model in names
        if isinstance(prices := BOOK.find(provider, model, None, NOW, 0), PriceSet)
        and any(rate.price > 0 for rate in prices.by_meter.values())
    ]
    assert len(names) == 307
    assert len(priced) >= len(names) * 95 // 100 + 1
    assert {prices.source for prices in priced} == {"genai-prices", "litellm"}
    assert all(prices.origin for prices in priced)


@pytest.mark.parametrize(
    ("provider", "model", "old", "new"),
    [
        ("mistral", "mistral-large-latest", ("2", "6"), ("0.5", "1.5")),
        ("mistral", "magistral-small-latest", ("0.5", "1.5"), ("0.15", "0.6")),
        ("mistral", "mistral-medium", ("0.4", "2"), ("1.5", "7.5")),
        ("deepseek", "deepseek-chat", ("0.27", "1.1"), ("0.28", "0.42")),
        ("deepseek", "deepseek-reasoner", ("0.55", "2.19"), ("0.28", "0.42")),
    ],
)
def test_a_later_flat_price_stands_instead_from_its_release_on(
    provider: str, model: str, old: tuple[str, str], new: tuple[str, str]
) -> None:
    noon_before = RELEASED - 12 * 3_600_000_000
    assert per_million(provider, model, noon_before) == old
    assert per_million(provider, model, RELEASED) == new
    assert found(provider, model).origin == litellm_snapshot().origin


def test_deepseek_ended_its_prices_of_the_night() -> None:
    assert found("deepseek", "deepseek-chat", NIGHT).by_meter == found("deepseek", "deepseek-chat").by_meter


def test_a_model_that_only_the_second_list_has_is_priced_at_any_time() -> None:
    assert found("dashscope", "qwen3-max", 0).source == "litellm"
    assert "search_unit" in found("cohere", "rerank-v3.5", 0).by_meter


@pytest.mark.parametrize(
    ("points", "source"),
    [
        ([listed("input", "1.98"), listed("output", "5.94")], "genai-prices"),
        ([listed("input", "1.97"), listed("output", "6")], "litellm"),
        ([listed("input", "1"), listed("input", "2", above=200_000)], "genai-prices"),
        ([listed("input", "1"), listed("input", "0.5", service_tier="batch")], "genai-prices"),
        ([listed("input", "1", hours="mon-fri 00:30-16:30"), listed("input", "2")], "genai-prices"),
        ([listed("input", "1", model="mistral-large")], "genai-prices"),
        ([listed("input", "1", model="mistral-large-*")], "genai-prices"),
        ([listed("input", "1", currency="EUR")], "genai-prices"),
        ([listed("input", "1", marginal=True, above=200_000), listed("input", "1.5")], "genai-prices"),
        ([listed("input", "1", valid_from=RELEASED + 2**62)], "genai-prices"),
        ([listed("search", "1", per=1)], "genai-prices"),
        ([listed("input", "0.00197", per=1_000)], "litellm"),
        ([listed("input", "2"), listed("input", "1", valid_from=BOOK_DAY, added_at=1)], "litellm"),
        ([listed("input", "1"), listed("input", "2", valid_from=BOOK_DAY, added_at=1)], "genai-prices"),
    ],
    ids=[
        "1% apart",
        "more",
        "context bands",
        "service tiers",
        "hours",
        "another name of the model",
        "a pattern",
        "another currency",
        "a marginal price",
        "not yet",
        "another meter",
        "per thousand",
        "from its release on",
        "until its release",
    ],
)
def test_only_a_flat_price_of_the_same_name_that_differs_by_more_than_one_percent_stands_instead(
    points: list[PricePoint], source: str
) -> None:
    assert found("mistral", "mistral-large-latest", book=book_with(*points)).source == source


def test_a_banded_price_of_genai_prices_stays() -> None:
    book = book_with(listed("input", "1", provider="anthropic", model="claude-sonnet-4-5"))
    assert found("anthropic", "claude-sonnet-4-5", book=book).source == "genai-prices"


def test_an_older_map_stands_behind() -> None:
    older = book_with(listed("input", "1"), released=date(2026, 11, 10))
    assert found("mistral", "mistral-large-latest", book=older).source == "genai-prices"


def test_a_release_of_genai_prices_that_the_map_does_not_know_is_the_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precedence, "RELEASES", {})
    book = book_with(listed("input", "1"))
    assert found("mistral", "mistral-large-latest", book=book).source == "genai-prices"


def test_an_edition_holds_from_its_release_on_and_late_calls_have_the_oldest() -> None:
    first, second = Edition("1.0", date(2026, 11, 20)), Edition("1.1", date(2026, 12, 20))
    points = (
        listed("input", "1", origin=first.origin),
        listed("input", "3", origin=second.origin, added_at=second.at, valid_from=second.at),
    )
    book = Book(snapshot=BOOK.snapshot, litellm=LitellmSnapshot((first, second), points))
    prices = [
        str(found("mistral", "mistral-large-latest", at, book).by_meter["input"].price)
        for at in (first.at - 1, first.at, second.at - 1, second.at)
    ]
    assert prices == ["2", "1", "1", "3"]
    before = day_start(date(2026, 1, 1))
    only_there = listed("input", "5", provider="acme", model="talker-1")
    assert found("acme", "talker-1", before, book_with(only_there)).by_meter["input"].price == 5


def test_prices_of_ones_own_stand_before_both() -> None:
    own = listed("input", "9", number=1)
    stored = StoredPrices(points=(PricePoint(**{**_fields(own), "source": "own"}),))
    assert found("mistral", "mistral-large-latest", book=Book(stored, BOOK.snapshot)).source == "own"


def test_a_call_of_an_unknown_provider_has_a_price_of_ones_own_or_by_an_alias() -> None:
    own = PricePoint(**{**_fields(listed("input", "9", number=1)), "source": "own", "provider": "unknown"})
    stored = StoredPrices(points=(own,))
    book = Book(stored, BOOK.snapshot)
    assert found("unknown", "mistral-large-latest", book=book).source == "own"
    assert isinstance(book.find("unknown", "glm-4.7", None, NOW, 0), Unpriced)
    alias = Alias(provider="unknown", model="glm-4.7", target_provider="zai", target_model="glm-4.7")
    aliased = found("unknown", "glm-4.7", book=Book(StoredPrices(aliases=(alias,)), BOOK.snapshot))
    assert aliased.rates == found("zai", "glm-4.7").rates


def test_an_imported_model_hides_the_one_that_ships() -> None:
    imported = listed("input", "7", number=3, provider="dashscope", model="qwen3-max")
    book = Book(StoredPrices(points=(imported,)), BOOK.snapshot)
    assert found("dashscope", "qwen3-max", book=book).by_meter == {
        "input": Rate(Decimal(7), 1_000_000, 0, "litellm#3")
    }
    of_model = [one for one in book.points(NOW) if (one.provider, one.model) == ("dashscope", "qwen3-max")]
    assert [one for one in of_model if one.source == "litellm"] == [imported]
    assert found("dashscope", "qwen3.7-max", book=book).origin.startswith("litellm ")


def test_a_conflict_names_the_other_list_behind_the_one_that_counts() -> None:
    book = book_with(listed("input", "1"), listed("input", "2.6", provider="openai", model="gpt-4o"))
    told = {(one.model, one.meter): list(one.prices) for one in conflicts(book, NOW)}
    assert told == {
        ("mistral-large-latest", "input"): ["litellm", "genai-prices"],
        ("gpt-4o", "input"): ["genai-prices", "litellm"],
    }


def _fields(point: PricePoint) -> dict[str, Any]:
    return {name: getattr(point, name) for name in point.__struct_fields__}
