"""Matching: the provider and model names under which the price of a call may be stored.

Each rule has a name, which `tallybook prices explain` shows. Rules are tried in this order. The name as
written comes before every rule, and an alias set by hand comes before everything.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

PROVIDERS: Final = {
    "amazon-bedrock": "bedrock",
    "amazon_nova": "amazon-nova",
    "aws": "bedrock",
    "aws.bedrock": "bedrock",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure-openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex",
    "github_copilot": "github-copilot",
    "google": "gemini",
    "google-vertex": "vertex",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshotai": "moonshot",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "togetherai": "together",
    "voyageai": "voyage",
    "x-ai": "xai",
    "x_ai": "xai",
}
"""Other names of providers, as gateways, OpenTelemetry and price lists write them."""

_FAMILIES: Final = (("vertex_ai", "vertex"), ("fireworks_ai-", "fireworks"))
"""Providers that price lists split by the models they serve, such as `vertex_ai-anthropic_models`."""

TIERS: Final = {
    "": "standard",
    "auto": "standard",
    "default": "standard",
    "standard_only": "standard",
    "on_demand": "standard",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
"""Providers' names for the service tiers. Any other word is itself the name of a tier."""

UNKNOWN: Final = "unknown"
"""The provider of calls that name none and whose model belongs to no known provider."""

_RULES: Final = (
    (
        re.compile(r"(?P<off>(us|eu|apac|au|jp|ca|sa|global|regional)\.)"),
        "region taken off",
    ),
    (re.compile(r".*(?P<off>[-:@](latest|stable|default))"), "latest taken off"),
    (
        re.compile(
            r".*(?<!\.claude)(?P<off>-v?\d+:\d+(:\w+)?)|.*\d(?P<one>-v1)|gemini-.*(?P<gemini>-00\d)",
        ),
        "version taken off",
    ),
    (
        re.compile(r".*(?P<off>[-@](20\d{2}-[01]\d-[0-3]\d|20\d{2}[01]\d[0-3]\d|[0-3]\d-[01]\d-20\d{2}))"),
        "date taken off",
    ),
    (
        re.compile(
            r"(?P<off>(anthropic|meta|amazon|cohere|mistral|openai|ai21|deepseek|qwen|writer|stability|google"
            r"|nvidia|moonshot)\.)"
        ),
        "vendor taken off",
    ),
)
"""The parts that are taken off a name, in this order. Regions and vendors are prefixes, the others suffixes.

A version is taken off only where it tells how Bedrock or Gemini serve a model. Where it tells models apart it
stays: `davinci-002`, `deepseek-v3` and `claude-v2:1` are models. `us-gov.`, image sizes in front and words
after a colon stay too, because they change the price.
"""
_PREFIX_RULES: Final = frozenset(["region taken off", "vendor taken off"])

_SEPARATELY_PRICED: Final = frozenset(["gpt-4o-2024-05-13"])
"""Dated models whose price differs from every later price of the undated name."""

_OTHER_REGIONS: Final = re.compile(r"(.*/)?(us-gov\.|(?!us-(east|west)-\d/)[a-z]{2}(-gov)?-[a-z]+-\d/).*")
"""Names in Bedrock regions where most models cost something else than the published prices of the United
States."""

_RESOURCES: Final = (
    (
        re.compile(r"arn:aws[\w-]*:bedrock:[\w-]*:\d*:(foundation-model|inference-profile)/(?P<model>[^/]+)"),
        "bedrock",
        "ARN taken off",
    ),
    (
        re.compile(r"(projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/models/(?P<model>[^/]+)"),
        "vertex",
        "publisher taken off",
    ),
    (re.compile(r"accounts/fireworks/models/(?P<model>[^/]+)"), "fireworks", "account taken off"),
    (re.compile(r"us-(east|west)-\d/(?P<model>[^/]+)"), "bedrock", "region taken off"),
    (re.compile(r"models/(?P<model>[^/]+)"), "", "path taken off"),
    (re.compile(r"(?P<model>ft:[^:]+):.*"), "", "fine-tuned"),
)
"""Resource names that contain a model name, and the provider that uses them. Application inference profiles,
provisioned models and custom models contain none and need an alias. A fine-tuned model has its own price,
never the price of its base model."""

_API_PREFIXES: Final = {
    "bedrock": ("converse/", "invoke/"),
    "vertex": ("google/", "anthropic/", "mistralai/"),
}
"""Prefixes that a provider's own API puts before a model name."""


class ModelName(NamedTuple):
    """A name under which a price may be stored, and the rule that leads from the call to it."""

    provider: str
    model: str
    rule: str


@lru_cache(maxsize=4096)
def provider_of(text: str) -> str:
    """The name under which a provider's prices are stored."""
    name = text.strip().lower()
    return PROVIDERS.get(name) or next(
        (family for start, family in _FAMILIES if name.startswith(start)), name
    )


def tier_of(text: str | None) -> str:
    """The name of a service tier under which prices are stored."""
    name = (text or "").lower()
    return TIERS.get(name, name)


def model_names(provider: str, model: str) -> Iterator[ModelName]:
    """Every name under which a call's price may be stored, the likeliest first, each once."""
    seen = set()
    for name in _names(provider_of(provider), model.strip().lower()):
        if (name.provider, name.model) not in seen:
            seen.add((name.provider, name.model))
            yield name


def image_names(model: str, size: str | None, quality: str | None) -> Iterator[str]:
    """The names under which the price of an image may be stored, the most specific first.

    LiteLLM's spelling: `high/1024-x-1024/gpt-image-1`.
    """
    quality_text, size_text = (quality or "").lower(), (size or "").lower().replace("x", "-x-")
    if quality_text and size_text:
        yield f"{quality_text}/{size_text}/{model}"
    yield from (f"{part}/{model}" for part in (size_text, quality_text) if part)


def is_other_region(provider: str, model: str) -> bool:
    """Whether a name contains a region with its own prices.

    Only a price listed for that very name applies.
    """
    return provider == "bedrock" and _OTHER_REGIONS.fullmatch(model) is not None


def model_of_resource(provider: str, model: str) -> ModelName | None:
    """The model inside a resource name (an ARN, a publisher's path, a fine-tuned model).

    None for other names.
    """
    for pattern, home_provider, rule in _RESOURCES:
        if match := pattern.fullmatch(model):
            return ModelName(home_provider or provider, match["model"], rule)
    for start in _API_PREFIXES.get(provider, ()):
        if model.startswith(start) and model != start:
            return ModelName(provider, model.removeprefix(start), "path taken off")
    return None


def _names(provider: str, model: str) -> Iterator[ModelName]:
    """The name as written, then without a provider prefix, then the model inside a resource name.

    Prices of another provider do not apply: a prefix is taken off where it names the call's provider, or
    where the call names none.
    """
    yield from _shortened_names(ModelName(provider, model, "as written"))
    while (contained := model_of_resource(provider, model)) is None:
        prefix, _, rest = model.partition("/")
        if not rest or (provider != UNKNOWN and provider_of(prefix) != provider):
            return
        provider, model = provider_of(prefix), rest
        yield from _shortened_names(ModelName(provider, model, "provider before the model"))
    yield from _shortened_names(contained)


def _shortened_names(name: ModelName) -> Iterator[ModelName]:
    """The name, then the name without its region, its `latest`, its version, its date and its vendor."""
    yield name
    provider, model, first_rule = name
    rules = [] if first_rule == "as written" else [first_rule]
    for pattern, rule_name in _RULES:
        match = pattern.match(model) if rule_name in _PREFIX_RULES else pattern.fullmatch(model)
        removed = (
            next(filter(None, match.groupdict().values()))
            if match and model.rpartition("/")[2] not in _SEPARATELY_PRICED
            else ""
        )
        if removed and len(removed) < len(model):
            model = model.removeprefix(removed) if rule_name in _PREFIX_RULES else model.removesuffix(removed)
            rules.append(rule_name)
            yield ModelName(provider, model, ", ".join(rules))
