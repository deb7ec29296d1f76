"""Who served a call: what the response says, else its id, else the prefix of the model's name or its family."""

from functools import lru_cache
from typing import Final

_BUILT_IN: Final = """
openai azure anthropic bedrock bedrock_mantle cohere vertex mistral ollama opencode-go opencode-zen groq sgl parasail
perplexity cerebras deepseek gemini openrouter elevenlabs huggingface nebius xai replicate vllm runway runware
fireworks sarvam wafer github-copilot databricks typesafe
"""
PROVIDERS: Final = frozenset(_BUILT_IN.split())
"""The gateway's built-in providers. Custom ones are free text: a prefix is only believed if it is one of these."""

_FAMILIES: Final = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding", "openai"),
    ("whisper", "openai"),
    ("tts-", "openai"),
    ("dall-e", "openai"),
    ("claude", "anthropic"),
    ("gemini", "gemini"),
    ("mistral", "mistral"),
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
    ("deepseek", "deepseek"),
)
"""Models that one provider alone serves under that name. Open models (llama, qwen ...) have no home."""

_IDS: Final = (
    ("gen-", "openrouter"),
    ("msg_bdrk_", "bedrock"),
    ("msg_vrtx_", "vertex"),
    ("batch_req_", "openai"),
)
"""Beginnings of the ids that one provider alone gives."""

UNKNOWN: Final = "unknown"


def of_id(ident: str | int | None) -> str | None:
    """The provider that gives such ids, None for all others. OpenRouter's models are called provider/model."""
    if not isinstance(ident, str):
        return None
    return next((provider for start, provider in _IDS if ident.startswith(start)), None)


@lru_cache(maxsize=4096)
def named(stated: str | None, model: str | None, requested: str | None) -> tuple[str, str]:
    """Provider and model. A prefix of the model that names its provider is taken off; another one is its name."""
    prefix, rest = _split(model)
    if stated:
        return stated, rest if prefix == stated else model or UNKNOWN
    if prefix in PROVIDERS:
        return prefix, rest
    asked, _ = _split(requested)
    return asked if asked in PROVIDERS else _home(rest), model or UNKNOWN


def _split(model: str | None) -> tuple[str, str]:
    """The prefix of `provider/model` and the rest; the prefix is empty where there is none."""
    prefix, slash, rest = (model or "").partition("/")
    return (prefix, rest) if slash and rest else ("", model or "")


def _home(model: str) -> str:
    return next((provider for start, provider in _FAMILIES if model.startswith(start)), UNKNOWN)
