"""Which names a model's price is looked for under: each rule, and the false friends no rule may lead to."""

from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from ingest.ledger.price_book import snapshot
from ingest.price_book import lists
from ingest.pricing.book import Alias, Book, StoredPrices
from ingest.pricing.matching import image_names, model_names, provider_of, tier_of
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Unpriced
from ingest.pricing.source_prices import SourcePrices
from tests.support.price_lists import REAL

AT = 1_795_000_000_000_000
ARN = "arn:aws:bedrock:us-east-1:123456789012"


def point(provider: str, model: str, price: str = "1") -> PricePoint:
    return PricePoint(
        source="list", provider=provider, model=model, meter="input", price=Decimal(price), per=1_000_000
    )


def rule(provider: str, model: str, listed: str) -> str | None:
    """The rule by which a call finds the model `provider/model` where that is all that a list has."""
    holder, _, name = listed.partition("/")
    dated = SourcePrices("list", [point(holder, name)]).find(provider, model, "standard")
    found = None if dated is None else dated.at(AT, 0)
    return found.rule if isinstance(found, PriceSet) else None


@pytest.mark.parametrize(
    ("provider", "model", "listed", "named"),
    [
        ("openai", "gpt-5.4", "openai/gpt-5.4", "as written"),
        ("OpenAI", " GPT-5.4 ", "openai/gpt-5.4", "as written"),
        ("azure_openai", "gpt-4o", "azure/gpt-4o", "as written"),
        # Dates.
        ("openai", "o1-2024-12-17", "openai/o1", "date taken off"),
        ("anthropic", "claude-3-5-sonnet-20241022", "anthropic/claude-3-5-sonnet", "date taken off"),
        ("cohere", "command-r-08-2024", "cohere/command-r-08-2024", "as written"),
        # The newest.
        ("mistral", "mistral-large-latest", "mistral/mistral-large", "latest taken off"),
        ("ollama", "llama3:latest", "ollama/llama3", "latest taken off"),
        # The provider before the model.
        ("openai", "openai/gpt-4o", "openai/gpt-4o", "provider before the model"),
        ("unknown", "anthropic/claude-opus-5", "anthropic/claude-opus-5", "provider before the model"),
        ("vertex", "vertex_ai/gemini-2.5-pro", "vertex/gemini-2.5-pro", "provider before the model"),
        ("openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o", "as written"),
        # Bedrock.
        (
            "bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "region taken off",
        ),
        (
            "bedrock",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock/claude-sonnet-4-5",
            "region taken off, version taken off, date taken off, vendor taken off",
        ),
        (
            "bedrock",
            "anthropic.claude-opus-4-6-v1",
            "bedrock/claude-opus-4-6",
            "version taken off, vendor taken off",
        ),
        ("aws", "openai.gpt-oss-120b-1:0", "bedrock/gpt-oss-120b", "version taken off, vendor taken off"),
        (
            "unknown",
            f"{ARN}:inference-profile/us.anthropic.claude-opus-5",
            "bedrock/us.anthropic.claude-opus-5",
            "ARN taken off",
        ),
        (
            "bedrock",
            "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-5",
            "bedrock/anthropic.claude-opus-5",
            "ARN taken off",
        ),
        ("bedrock", "us-east-1/anthropic.claude-v2:1", "bedrock/anthropic.claude-v2:1", "region taken off"),
        ("bedrock", "converse/anthropic.claude-opus-5", "bedrock/anthropic.claude-opus-5", "path taken off"),
        # Vertex and Gemini.
        ("vertex", "claude-sonnet-4-5@20250929", "vertex/claude-sonnet-4-5", "date taken off"),
        ("vertex_ai", "claude-opus-5@default", "vertex/claude-opus-5", "latest taken off"),
        (
            "gcp.vertex_ai",
            "publishers/google/models/gemini-2.5-pro",
            "vertex/gemini-2.5-pro",
            "publisher taken off",
        ),
        (
            "vertex",
            "projects/acme/locations/us-central1/publishers/anthropic/models/claude-opus-5@20260801",
            "vertex/claude-opus-5",
            "publisher taken off, date taken off",
        ),
        ("vertex", "google/gemini-2.5-pro", "vertex/gemini-2.5-pro", "path taken off"),
        ("google", "models/gemini-2.5-pro", "gemini/gemini-2.5-pro", "path taken off"),
        ("gemini", "gemini-2.0-flash-001", "gemini/gemini-2.0-flash", "version taken off"),
        # Others.
        (
            "fireworks_ai",
            "accounts/fireworks/models/deepseek-v3p2",
            "fireworks/deepseek-v3p2",
            "account taken off",
        ),
        ("openai", "ft:gpt-4o-2024-08-06:acme::x1", "openai/ft:gpt-4o-2024-08-06", "fine-tuned"),
        ("openai", "ft:gpt-4o:acme::12345678", "openai/ft:gpt-4o", "fine-tuned"),
    ],
)
def test_a_spelling_is_found_by_a_rule_with_a_name(
    provider: str, model: str, listed: str, named: str
) -> None:
    assert rule(provider, model, listed) == named


@pytest.mark.parametrize(
    ("provider", "model", "listed"),
    [
        # Numbers that are part of which model it is.
        ("openai", "gpt-4-0613", "openai/gpt-4"),
        ("openai", "gpt-4-1106-preview", "openai/gpt-4"),
        ("openai", "davinci-002", "openai/davinci"),
        ("openai", "text-embedding-ada-002", "openai/text-embedding-ada"),
        ("openai", "gpt-4o-mini", "openai/gpt-4o"),
        ("openai", "o1-mini", "openai/o1"),
        ("mistral", "mistral-large-2407", "mistral/mistral-large"),
        ("deepseek", "deepseek-v3", "deepseek/deepseek"),
        ("bedrock", "anthropic.claude-v2:1", "bedrock/anthropic.claude"),
        ("bedrock", "anthropic.claude-v2:1", "bedrock/anthropic.claude-v2"),
        ("groq", "whisper-large-v3", "groq/whisper-large"),
        ("ollama", "llama3:70b", "ollama/llama3"),
        # Dated models that have always had a price of their own.
        ("openai", "gpt-4o-2024-05-13", "openai/gpt-4o"),
        # What is free, or dearer.
        ("openrouter", "deepseek/deepseek-r1:free", "openrouter/deepseek/deepseek-r1"),
        ("bedrock", "us-gov.anthropic.claude-opus-5", "bedrock/anthropic.claude-opus-5"),
        ("bedrock", "us-gov-west-1/anthropic.claude-opus-5", "bedrock/anthropic.claude-opus-5"),
        ("bedrock", "eu-west-2/meta.llama3-8b-instruct-v1:0", "bedrock/meta.llama3-8b-instruct-v1:0"),
        ("azure", "eu/gpt-5.4", "azure/gpt-5.4"),
        ("fal_ai", "high/1024-x-1024/openai/gpt-image-2", "fal_ai/openai/gpt-image-2"),
        # Fine-tuned models cost more than their base.
        ("openai", "ft:gpt-4o:acme::x1", "openai/gpt-4o"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::x1", "openai/gpt-4o-2024-08-06"),
        ("openai", "ft:gpt-4o-mini:acme::x1", "openai/ft:gpt-4o"),
        # Another provider's price is not this one's.
        ("vllm", "openai/gpt-4o", "openai/gpt-4o"),
        ("openrouter", "openai/gpt-4o", "openai/gpt-4o"),
        ("azure", "gpt-4o", "openai/gpt-4o"),
        # Names that only somebody who knows them can explain.
        ("azure", "my-gpt-4o", "azure/gpt-4o"),
        ("bedrock", f"{ARN}:application-inference-profile/abc123", "bedrock/abc123"),
        ("bedrock", f"{ARN}:provisioned-model/anthropic.claude-opus-5", "bedrock/anthropic.claude-opus-5"),
    ],
)
def test_a_false_friend_is_not_found(provider: str, model: str, listed: str) -> None:
    assert rule(provider, model, listed) is None


@pytest.mark.parametrize("model", ["ft:gpt-4o:acme::x1", "ft:gpt-4.1-mini:acme::x1"])
def test_the_shipped_prices_have_no_base_price_for_a_fine_tuned_model(model: str) -> None:
    assert isinstance(snapshot().find("openai", model, "standard"), Unpriced)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("vertex", "publishers/google/models/gemini-2.5-pro"), ("gemini", "models/gemini-2.5-pro")],
)
def test_the_shipped_prices_know_what_a_resource_is_named_for(provider: str, model: str) -> None:
    assert not isinstance(snapshot().find(provider, model, "standard"), Unpriced)


@pytest.mark.parametrize(
    ("model", "has_a_price"),
    [
        ("us.anthropic.claude-opus-5", True),
        ("us-east-1/anthropic.claude-opus-5", True),
        ("us-gov.anthropic.claude-opus-5", False),
        ("us-gov-west-1/anthropic.claude-opus-5", False),
        ("eu-west-2/meta.llama3-8b-instruct-v1:0", False),
        ("arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/us-gov.anthropic.claude-opus-5", False),
    ],
)
def test_the_shipped_prices_are_not_those_of_regions_that_have_their_own(
    model: str, has_a_price: bool
) -> None:
    assert isinstance(snapshot().find("bedrock", model, "standard"), Unpriced) is not has_a_price


def test_an_alias_says_what_a_deployment_or_a_profile_is() -> None:
    profile = f"{ARN}:application-inference-profile/abc123"
    named = {"azure": "my-gpt", "bedrock": profile}
    aliases = tuple(
        Alias(provider=provider, model=name, target_provider="openai", target_model="gpt-4o")
        for provider, name in named.items()
    )
    book = Book(StoredPrices(aliases=aliases), snapshot())
    for provider, name in named.items():
        found = book.find(provider, name, None, AT, 0)
        assert isinstance(found, PriceSet)
        assert found.rule.startswith(f"alias {provider}/{name}")


def test_a_name_as_it_is_written_stands_before_what_is_left_of_it() -> None:
    listed = [point("openai", "gpt-4o", "2.5"), point("openai", "gpt-4o-2024-11-20", "3")]
    dated = SourcePrices("list", listed).find("openai", "gpt-4o-2024-11-20", "standard")
    assert dated is not None
    assert str(dated.at(AT, 0).by_meter["input"]) == "3 per 1000000"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("amazon-bedrock", "bedrock"),
        ("amazon_nova", "amazon-nova"),
        ("aws", "bedrock"),
        ("aws.bedrock", "bedrock"),
        ("az.ai.inference", "azure"),
        ("az.ai.openai", "azure"),
        ("azure-openai", "azure"),
        ("azure.ai.inference", "azure"),
        ("azure.ai.openai", "azure"),
        ("azure_ai", "azure"),
        ("azure_openai", "azure"),
        ("azure_text", "azure"),
        ("bedrock_mantle", "bedrock"),
        ("cohere_chat", "cohere"),
        ("fireworks_ai", "fireworks"),
        ("gcp.gemini", "gemini"),
        ("gcp.gen_ai", "gemini"),
        ("gcp.vertex_ai", "vertex"),
        ("github_copilot", "github-copilot"),
        ("google-vertex", "vertex"),
        ("mistral_ai", "mistral"),
        ("mistralai", "mistral"),
        ("moonshotai", "moonshot"),
        ("together_ai", "together"),
        ("togetherai", "together"),
        ("voyageai", "voyage"),
        ("x-ai", "xai"),
        ("x_ai", "xai"),
        ("google", "gemini"),
        ("vertex_ai-anthropic_models", "vertex"),
        ("fireworks_ai-embedding-models", "fireworks"),
        ("bedrock_converse", "bedrock"),
        ("text-completion-openai", "openai"),
        ("Acme", "acme"),
    ],
)
def test_names_of_a_provider_by_gateways_telemetry_and_price_lists_are_one(written: str, name: str) -> None:
    assert provider_of(written) == name


def test_names_are_given_once_and_soon_end() -> None:
    given = list(model_names("unknown", "openai/" * 2_000 + "gpt-4o"))
    assert len(given) == len({one[:2] for one in given})


KNOWN = {
    ("mistral", "mistral-small-latest"),  # the list has another price for the latest
    ("perplexity", "perplexity/sonar"),  # the model behind another interface
}


def test_in_a_real_list_no_rule_leads_to_another_price() -> None:
    """Each model of a sample of LiteLLM's map is taken away in turn.

    What its name then leads to must cost the same. Bedrock's profiles of a region are left out: they may cost
    a tenth more, and a list that has them is asked first.
    """
    prices: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for one in lists.read("map.json", REAL.read_bytes()).points:
        if (one.service_tier, one.above, one.hours) == ("standard", 0, "") and one.price is not None:
            prices[one.provider, one.model][one.meter] = one.price
    met, wrong = Counter[str](), set()
    for (provider, model), mine in prices.items():
        others = (
            one for one in model_names(provider, model) if one[:2] != (provider, model) and one[:2] in prices
        )
        other = next(others, None)
        if other is None or "region" in other.rule:
            continue
        met[other.rule] += 1
        theirs = prices[other.provider, other.model]
        if any(mine.get(meter) != theirs.get(meter) for meter in ("input", "output")):
            wrong.add((provider, model))
    assert met == {
        "date taken off": 18,
        "latest taken off": 14,
        "path taken off": 5,
        "account taken off": 4,
        "version taken off": 4,
        "version taken off, date taken off": 1,
        "provider before the model": 1,
    }
    assert wrong == KNOWN


@pytest.mark.parametrize(
    ("size", "quality", "found"),
    [
        ("1024x1536", "high", ["high/1024-x-1536/m", "1024-x-1536/m", "high/m"]),
        ("1024x1536", None, ["1024-x-1536/m"]),
        (None, "HD", ["hd/m"]),
        (None, None, []),
    ],
)
def test_an_image_has_the_price_of_its_size_and_quality_before_that_of_one_of_them(
    size: str | None, quality: str | None, found: list[str]
) -> None:
    assert list(image_names("m", size, quality)) == found


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (None, "standard"),
        ("On_Demand", "standard"),
        ("", "standard"),
        ("auto", "standard"),
        ("default", "standard"),
        ("standard_only", "standard"),
        ("on_demand", "standard"),
        ("on_demand_flex", "flex"),
        ("on_demand_priority", "priority"),
        ("batch", "batch"),
    ],
)
def test_a_tier_has_one_name_whatever_its_provider_calls_it(written: str | None, name: str) -> None:
    assert tier_of(written) == name
