"""The provider of a call: as stated, else by the response id, else by the prefix or family of the model."""

import re
from functools import lru_cache
from typing import Final

_BUILT_IN: Final = """
openai azure anthropic bedrock bedrock_mantle cohere vertex mistral ollama opencode-go opencode-zen groq sgl parasail
perplexity cerebras deepseek gemini openrouter elevenlabs huggingface nebius xai replicate vllm runway runware
fireworks sarvam wafer github-copilot databricks typesafe
"""
PROVIDERS: Final = frozenset(_BUILT_IN.split())
"""Bifrost's built-in providers. Custom providers are free text, so only these are prefixes of models."""

FAMILIES: Final = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding", "openai"),
    ("whisper-1", "openai"),
    ("tts-", "openai"),
    ("dall-e", "openai"),
    ("claude", "anthropic"),
    ("gemini", "gemini"),
    ("mistral-", "mistral"),
    ("ministral", "mistral"),
    ("open-mistral", "mistral"),
    ("open-mixtral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("magistral", "mistral"),
    ("pixtral", "mistral"),
    ("voxtral", "mistral"),
    ("command", "cohere"),
    ("grok", "xai"),
    ("sonar", "perplexity"),
    ("deepseek-chat", "deepseek"),
    ("deepseek-reasoner", "deepseek"),
    ("deepseek-coder", "deepseek"),
    ("deepseek-v4", "deepseek"),
)
"""Prefixes of the names that only the maker's own API has for its models.

Open weights (llama, qwen, gpt-oss ...) have many providers.
"""

_OPEN_WEIGHTS: Final = re.compile(
    r"gpt-oss|mistral-nemo|(?:command|deepseek).*:"
    r"|(?:mi(?:ni)?stral|codestral|devstral|magistral|pixtral|voxtral).*(?::|[0-9]b(?:$|-(?!latest$|[0-9]{4}$)))"
)
"""Names of open weights under a maker's prefix: with a tag (`mistral-small:24b`), or Mistral's with a size.

Mistral's own API has a size only before `latest` or a date (`ministral-8b-latest`).
"""

_ID_PREFIXES: Final = (
    ("gen-", "openrouter"),
    ("msg_bdrk_", "bedrock"),
    ("msg_vrtx_", "vertex"),
    ("batch_req_", "openai"),
)
"""Prefixes of response ids that only one provider uses."""
_ANY_ID_PREFIX: Final = tuple(prefix for prefix, _ in _ID_PREFIXES)

UNKNOWN: Final = "unknown"


def of_response_id(response_id: str | int | None) -> str | None:
    """The provider whose response ids have this prefix, None for other ids."""
    if not isinstance(response_id, str) or not response_id.startswith(_ANY_ID_PREFIX):
        return None
    return next((provider for prefix, provider in _ID_PREFIXES if response_id.startswith(prefix)), None)


@lru_cache(maxsize=4096)
def provider_and_model(stated: str | None, model: str | None, requested: str | None) -> tuple[str, str]:
    """Provider and model. Only a prefix that is the provider is removed from the model."""
    prefix, rest = split_prefix(model)
    if stated:
        return stated, rest if prefix == stated else model or UNKNOWN
    if prefix in PROVIDERS and not (prefix == "openai" and rest.startswith("gpt-oss")):
        return prefix, rest
    requested_prefix, _ = split_prefix(requested)
    return requested_prefix if requested_prefix in PROVIDERS else _family_provider(rest), model or UNKNOWN


def split_prefix(model: str | None) -> tuple[str, str]:
    """The prefix of `provider/model` and the rest. The prefix is empty where there is none."""
    prefix, slash, rest = (model or "").partition("/")
    return (prefix, rest) if slash and rest else ("", model or "")


def _family_provider(model: str) -> str:
    if _OPEN_WEIGHTS.match(model):
        return UNKNOWN
    return next((provider for prefix, provider in FAMILIES if model.startswith(prefix)), UNKNOWN)
