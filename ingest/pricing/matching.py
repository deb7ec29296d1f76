"""Matching: which names a price may be kept under for a call that names its provider and model in some other way.

Each rule has a name, which `tallybook prices explain` says. Rules are tried in this order; a name as it is written stands
before every other, and an alias that somebody set stands before every rule.
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
"""Other names of providers: what gateways, OpenTelemetry and price lists call the same one."""

_FAMILIES: Final = (("vertex_ai", "vertex"), ("fireworks_ai-", "fireworks"))
"""Providers that price lists split by what they serve: `vertex_ai-anthropic_models`."""

TIERS: Final = {
    "": "standard",
    "auto": "standard",
    "default": "standard",
    "standard_only": "standard",
    "on_demand": "standard",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
"""Providers' words for the service tiers. Any other word is the name of a tier."""

_REGION: Final = re.compile(
    r"(us|us-gov|eu|apac|au|jp|ca|sa|global|regional|[a-z]{2}-[a-z]+-\d|(us|eu|global)-\w+)[./]"
)
_VERSION: Final = re.compile(r"(-v\d+(:\d+)?(:\w+)?|:\d+|@(\d{8}|default|latest|\d{3})|-00\d)$")
_DATE: Final = re.compile(r"[-@](20\d{2}-[01]\d-[0-3]\d|20\d{2}[01]\d[0-3]\d|[0-3]\d-[01]\d-20\d{2})$")
_LATEST: Final = re.compile(r"[-:@](latest|stable|default)$")
_VENDOR: Final = re.compile(
    r"(anthropic|meta|amazon|cohere|mistral|openai|ai21|deepseek|qwen|writer|stability|google|nvidia|moonshot)\."
)


class Name(NamedTuple):
    """A name that a price may be kept under, and the rule that leads from the call to it."""

    provider: str
    model: str
    rule: str


@lru_cache(maxsize=4096)
def provider_of(written: str) -> str:
    """The name that price lists are kept under for a provider."""
    name = written.strip().lower()
    return PROVIDERS.get(name) or next((one for start, one in _FAMILIES if name.startswith(start)), name)


def tier_of(written: str | None) -> str:
    """The name that price lists have for a service tier."""
    word = (written or "").lower()
    return TIERS.get(word, word)


def names(provider: str, model: str) -> Iterator[Name]:
    """Every name that a call's price may be kept under, the likeliest first, each once."""
    seen = set()
    for name in _names(provider_of(provider), model.strip().lower()):
        if (name.provider, name.model) not in seen:
            seen.add((name.provider, name.model))
            yield name


def _names(provider: str, model: str) -> Iterator[Name]:
    yield from _shorter(provider, model, "as written")
    while "/" in model:
        prefix, _, model = model.partition("/")
        before = provider_of(prefix)
        if provider in ("unknown", before):
            yield from _shorter(before, model, "provider before the model")
        else:
            yield from _shorter(provider, model, "path before the model")
            yield from _shorter(before, model, "provider before the model")


def _shorter(provider: str, model: str, rule: str) -> Iterator[Name]:
    """The model, and what is left of it without a region, a version, a date, a word for the newest, and a vendor."""
    yield Name(provider, model, rule)
    rules = [] if rule == "as written" else [rule]
    for pattern, named in (
        (_REGION, "region taken off"),
        (_LATEST, "latest taken off"),
        (_VERSION, "version taken off"),
        (_DATE, "date taken off"),
        (_VENDOR, "vendor taken off"),
    ):
        # A region and a vendor stand before the name, the others behind it.
        found = pattern.match(model) if pattern in (_REGION, _VENDOR) else pattern.search(model)
        if found and found.end() - found.start() < len(model):
            model = model[: found.start()] + model[found.end() :]
            rules.append(named)
            yield Name(provider, model, ", ".join(rules))
