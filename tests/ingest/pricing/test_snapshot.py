"""The prices of the genai-prices package: what its keys mean, and which of its prices is that of a call."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.types import (
    ClauseContains,
    ClauseEquals,
    ClauseOr,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from ingest.model.zone import micros
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.snapshot import ENDED_BANDS, TERMS, GenaiPrices, PublishedPrices, _spellings

AT = micros(datetime(2026, 11, 2, 12, tzinfo=UTC))
MILLION = 1_000_000


def published(prices: Any, tier: str = "standard", **about: Any) -> PublishedPrices:
    facts: dict[str, Any] = {"provider_id": "acme", "is_own": True, "provider": "acme", "origin": "list 1"}
    variants = about.pop("variants", None)
    model = ModelInfo(
        id=about.pop("model", "talker-1"),
        match=ClauseEquals("talker-1"),
        prices=prices,
        price_variants=variants,
    )
    return PublishedPrices(model=model, tier=tier, **(facts | about))


def flat(price: str) -> ModelPrice:
    return ModelPrice(input_mtok=Decimal(price))


def price(prices: PublishedPrices, at: int = AT, tokens: int = 0) -> str:
    found = prices.at(at, tokens)
    return str(found.by_meter["input"].price) if isinstance(found, PriceSet) else found.reason


@pytest.mark.parametrize(
    ("key", "meter", "per"),
    [
        ("input_mtok", "input", MILLION),
        ("input_audio_mtok", "input_audio", MILLION),
        ("input_image_mtok", "input_image", MILLION),
        ("cache_read_mtok", "cache_read", MILLION),
        ("cache_audio_read_mtok", "cache_read_audio", MILLION),
        ("cache_image_read_mtok", "cache_read_image", MILLION),
        ("cache_write_mtok", "cache_write", MILLION),
        ("cache_write_1h_mtok", "cache_write_1h", MILLION),
        ("output_mtok", "output", MILLION),
        ("output_audio_mtok", "output_audio", MILLION),
        ("output_image_mtok", "output_image", MILLION),
        ("output_reasoning_mtok", "reasoning", MILLION),
        ("output_citation_mtok", "citation", MILLION),
        ("web_searches_kcount", "search", 1_000),
        ("requests_kcount", "request", 1_000),
        ("input_mchars", "character", MILLION),
        ("audio_hours", "audio_ms", 3_600_000),
        ("input_audio_hours", "input_audio_ms", 3_600_000),
        ("input_document_kpages", "page", 1_000),
        ("rerank_searches_kcount", "search_unit", 1_000),
    ],
)
def test_a_price_of_the_package_is_for_so_many_units_of_a_meter(key: str, meter: str, per: int) -> None:
    prices = ModelPrice()
    prices.__dict__[key] = Decimal(3)
    found = published(prices).at(AT, 0)
    assert isinstance(found, PriceSet)
    assert found.by_meter == {meter: Rate(Decimal(3), per, 0)}


def test_a_model_without_a_price_that_has_a_meter_is_unpriced() -> None:
    odd = ModelPrice()
    odd.__dict__["smiles_mtok"] = Decimal(3)
    assert published(odd).at(AT, 0) == Unpriced("no price for acme/talker-1")


@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-large-v3-turbo"])
@pytest.mark.parametrize("key", ["audio_hours", "input_audio_hours"])
def test_groq_bills_a_transcription_for_ten_seconds_at_least(model: str, key: str) -> None:
    prices = ModelPrice()
    prices.__dict__[key] = Decimal(3)
    leasts = []
    for provider in ("groq", "openai"):
        found = published(prices, provider_id=provider, model=model).at(AT, 0)
        assert isinstance(found, PriceSet)
        leasts += [rate.least for rate in found.by_meter.values()]
    assert leasts == [10_000, 0]


@pytest.mark.parametrize(
    ("provider", "model", "package"),
    [
        ("az.ai.inference", "gpt-4o", "azure"),
        ("az.ai.openai", "gpt-4o", "azure"),
        ("azure.ai.inference", "gpt-4o", "azure"),
        ("azure.ai.openai", "gpt-4o", "azure"),
        ("azure_ai", "gpt-4o", "azure"),
        ("azure_openai", "gpt-4o", "azure"),
        ("fireworks_ai", "accounts/fireworks/models/deepseek-v3p2", "fireworks"),
        ("gcp.gen_ai", "gemini-2.5-flash", "google"),
        ("x_ai", "grok-3", "x-ai"),
    ],
)
def test_a_provider_is_known_by_the_names_that_gateways_give_it(
    provider: str, model: str, package: str
) -> None:
    found = GenaiPrices().find(provider, model, "standard")
    assert isinstance(found, PublishedPrices)
    assert found.provider_id == package


def test_a_price_holds_from_the_midnight_of_its_day_in_utc() -> None:
    november = datetime(2026, 11, 3, tzinfo=UTC)
    prices = published(
        [
            ConditionalPrice(prices=flat("3")),
            ConditionalPrice(StartDateConstraint(date(2026, 11, 3)), prices=flat("2")),
        ]
    )
    assert list(prices.edges) == [micros(november)]
    assert [price(prices, at) for at in (micros(november) - 1, micros(november))] == ["3", "2"]


def test_a_price_by_the_time_of_day_holds_from_its_first_minute_up_to_its_last() -> None:
    prices = published(
        [
            ConditionalPrice(prices=flat("3")),
            ConditionalPrice(
                TimeOfDateConstraint(time(0, 30, tzinfo=UTC), time(16, 30, tzinfo=UTC)), prices=flat("2")
            ),
        ]
    )
    moments = [(0, 29), (0, 30), (16, 29), (16, 30), (23, 59)]
    at = [micros(datetime(2026, 11, 2, *moment, tzinfo=UTC)) for moment in moments]
    assert [price(prices, one) for one in at] == ["3", "2", "2", "3", "3"]
    assert list(prices.edges) == []


def test_a_context_band_starts_above_its_threshold_for_the_meters_that_have_it() -> None:
    banded = TieredPrices(Decimal(1), [Tier(1_000, Decimal(2)), Tier(5_000, Decimal(3))])
    prices = published(ModelPrice(input_mtok=banded, output_mtok=Decimal(9)))
    assert [price(prices, tokens=tokens) for tokens in (0, 1_000, 1_001, 5_000, 5_001)] == [
        "1",
        "1",
        "2",
        "2",
        "3",
    ]
    found = prices.at(AT, 5_001)
    assert isinstance(found, PriceSet)
    assert (found.above_input_tokens, str(found.by_meter["output"].price)) == (5_000, "9")
    points = [(one.meter, str(one.price), one.above) for one in prices.points("acme", "talker", AT)]
    assert points == [("input", "1", 0), ("output", "9", 0), ("input", "2", 1_000), ("input", "3", 5_000)]


@pytest.mark.parametrize(
    ("tier", "when"),
    [
        ("batch", {"processing": "batch"}),
        ("flex", {"service_tier": "flex"}),
        ("priority", {"service_tier": "priority"}),
        ("fast", {"service_tier": "fast"}),
        ("fast", {"speed": "fast"}),
    ],
)
def test_a_tier_has_the_price_of_its_variant_from_the_day_of_that_on(tier: str, when: dict[str, str]) -> None:
    variants = [PriceVariant(when, flat("0.5"), StartDateConstraint(date(2026, 11, 2)))]
    prices = published(flat("1"), tier, variants=variants)
    midnight = micros(datetime(2026, 11, 2, tzinfo=UTC))
    assert price(prices, midnight) == "0.5"
    assert price(prices, midnight - 1) == f"no price for acme/talker-1 in the service tier {tier}"
    assert price(published(flat("1"), variants=variants)) == "1", "the standard tier has no variant"


def test_a_tier_that_a_model_or_a_reseller_does_not_have_is_unpriced() -> None:
    variants = [PriceVariant({"processing": "batch"}, flat("0.5"))]
    assert "service tier flex" in price(published(flat("1"), "flex", variants=variants))
    assert "service tier batch" in price(published(flat("1"), "batch", variants=variants, is_own=False))
    assert "service tier scale" in price(published(flat("1"), "scale", variants=variants))


def test_a_model_is_flat_that_has_one_price_of_each_meter() -> None:
    later = ConditionalPrice(StartDateConstraint(date(2026, 11, 3)), prices=flat("2"))
    night = ConditionalPrice(TimeOfDateConstraint(time(1), time(2)), prices=flat("2"))
    banded = ModelPrice(input_mtok=TieredPrices(Decimal(1), [Tier(1_000, Decimal(2))]))
    variants = [PriceVariant({"processing": "batch"}, flat("0.5"))]
    assert published(flat("1")).is_flat
    uneven = [
        published([later]),
        published([night]),
        published([ConditionalPrice(prices=flat("1"))]),
        published(banded),
        published(flat("1"), variants=variants),
    ]
    assert not any(prices.is_flat for prices in uneven)
    ended = [published(banded, provider_id=provider, model=model) for provider, model in ENDED_BANDS]
    assert all(prices.is_flat for prices in ended)
    assert sorted(ENDED_BANDS) == [("deepseek", "deepseek-chat"), ("deepseek", "deepseek-reasoner")]


def test_a_model_may_be_found_by_its_name_and_by_every_text_of_its_rules() -> None:
    rules = ClauseOr([ClauseEquals("A"), ClauseOr([ClauseStartsWith("b-"), ClauseContains("C")])])
    model = ModelInfo(id="Talker-1", match=rules, prices=flat("1"))
    assert list(_spellings(model)) == ["talker-1", "a", "b-", "c"]


@pytest.mark.parametrize(
    ("model", "is_dearer"),
    [
        ("claude-opus-4-6", True),
        ("claude-opus-4-7-20260801", True),
        ("claude-opus-4-8", True),
        ("claude-sonnet-4-6", True),
        ("claude-mythos-1", True),
        ("claude-fable-5", True),
        ("claude-haiku-5", True),
        ("claude-opus-5", True),
        ("claude-sonnet-5", True),
        ("claude-sonnet-4-5", False),
    ],
)
def test_inference_in_the_united_states_alone_costs_a_tenth_more(model: str, is_dearer: bool) -> None:
    terms = [term for term in TERMS if term.concerns("anthropic", model, "us", None, None)]
    assert [(term.kind, term.factor, term.origin) for term in terms] == (
        [("region", Decimal("1.1"), "published")] if is_dearer else []
    )
    assert not any(term.concerns("anthropic", model, "eu", None, None) for term in TERMS)
    assert not any(term.concerns("bedrock", model, "us", None, None) for term in TERMS)
