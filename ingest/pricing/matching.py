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

UNKNOWN: Final = "unknown"
"""The provider of calls that say none, and whose model has no home."""

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
            r"(?P<off>(anthropic|meta|amazon|cohere|mistral|openai|ai21|deepseek|qwen|writer|stability|google|nvidia"
            r"|moonshot)\.)"
        ),
        "vendor taken off",
    ),
)
"""What is taken off a name, one after the other. A region and a vendor stand before the name, the others behind it.

A version is taken off where it says how Bedrock or Gemini serve a model, not which model it is: `davinci-002`, `deepseek-v3`
and `claude-v2:1` are models. So are `us-gov.`, sizes before images, and words behind a colon: all of them change the price.
"""
_IN_FRONT: Final = frozenset(["region taken off", "vendor taken off"])

_PRICED_APART: Final = frozenset(["gpt-4o-2024-05-13"])
"""Dated models that cost something else than the undated name has ever meant since."""

_ELSEWHERE: Final = re.compile(r"(.*/)?(us-gov\.|(?!us-(east|west)-\d/)[a-z]{2}(-gov)?-[a-z]+-\d/).*")
"""Names in regions of Bedrock where most models have other prices than in the United States, where prices are published."""

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
"""Names of resources that hold a model's name, and the provider that names them so. An application's inference profile, a
provisioned or custom model hold none: an alias says what they are. A fine-tuned model is priced as such, never as its base."""

_WITHIN: Final = {
    "bedrock": ("converse/", "invoke/"),
    "vertex": ("google/", "anthropic/", "mistralai/"),
}
"""What providers' own interfaces put before a model."""


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


def of_images(model: str, size: str | None, quality: str | None) -> Iterator[str]:
    """The names that the price of an image of a size and quality may be kept under, the narrowest first.

    LiteLLM's spelling: `high/1024-x-1024/gpt-image-1`.
    """
    made, across = (quality or "").lower(), (size or "").lower().replace("x", "-x-")
    if made and across:
        yield f"{made}/{across}/{model}"
    yield from (f"{one}/{model}" for one in (across, made) if one)


def is_elsewhere(provider: str, model: str) -> bool:
    """Whether a name says a region whose prices are its own: it has the price that a list says of it, or none."""
    return provider == "bedrock" and _ELSEWHERE.fullmatch(model) is not None


def resource(provider: str, model: str) -> Name | None:
    """The model that a resource's name holds: an ARN, a publisher's path, a fine-tuned model. None for other names."""
    for pattern, home, rule in _RESOURCES:
        if found := pattern.fullmatch(model):
            return Name(home or provider, found["model"], rule)
    for start in _WITHIN.get(provider, ()):
        if model.startswith(start) and model != start:
            return Name(provider, model.removeprefix(start), "path taken off")
    return None


def _names(provider: str, model: str) -> Iterator[Name]:
    """The name as it is written, then without the provider before it, then the model that it holds.

    Another provider's price is not this one's: a prefix counts where it names the call's own provider, or nobody else does.
    """
    yield from _shorter(Name(provider, model, "as written"))
    while (held := resource(provider, model)) is None:
        prefix, _, rest = model.partition("/")
        if not rest or (provider != UNKNOWN and provider_of(prefix) != provider):
            return
        provider, model = provider_of(prefix), rest
        yield from _shorter(Name(provider, model, "provider before the model"))
    yield from _shorter(held)


def _shorter(name: Name) -> Iterator[Name]:
    """The name, and what is left of it without a region, a word for the newest, a version, a date, and a vendor."""
    yield name
    provider, model, rule = name
    rules = [] if rule == "as written" else [rule]
    for pattern, named in _RULES:
        found = pattern.match(model) if named in _IN_FRONT else pattern.fullmatch(model)
        off = (
            next(filter(None, found.groupdict().values()))
            if found and model.rpartition("/")[2] not in _PRICED_APART
            else ""
        )
        if off and len(off) < len(model):
            model = model.removeprefix(off) if named in _IN_FRONT else model.removesuffix(off)
            rules.append(named)
            yield Name(provider, model, ", ".join(rules))
