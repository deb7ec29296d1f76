"""Providers: the many names that spans have for them, as the ledger and its price book call them."""

from functools import lru_cache
from typing import Final

from ingest.formats.provider import PROVIDERS

_NAMES: Final = {
    "amazon": "bedrock",
    "amazon-bedrock": "bedrock",
    "aws": "bedrock",
    "aws.bedrock": "bedrock",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure-openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock_converse": "bedrock",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex",
    "google": "gemini",
    "google.generative-ai": "gemini",
    "google.vertex": "vertex",
    "google_genai": "gemini",
    "google_vertexai": "vertex",
    "hugging_face": "huggingface",
    "ibm.watsonx.ai": "watsonx",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "togetherai": "together",
    "vertex_ai": "vertex",
    "vertexai": "vertex",
    "x-ai": "xai",
    "x_ai": "xai",
}

_FRAMEWORKS: Final = frozenset(
    {"agno", "autogen", "crewai", "haystack", "langchain", "langgraph", "llama_index", "llamaindex"}
)
"""Named where a provider should be: they serve nothing."""


@lru_cache(maxsize=4096)
def provider(stated: str | None, vendor: str | None = None) -> str | None:
    """The provider that a span states, in the ledger's words; `vendor`, whose model it is, where it states none."""
    for name in (stated, vendor):
        if name and (known := _known(name.strip().lower())):
            return known
    return None


def _known(name: str) -> str | None:
    """Some add the interface to the name: `openai.chat`, `google.vertex.chat`."""
    shorter = name
    while shorter and shorter not in _NAMES and shorter not in PROVIDERS:
        shorter = shorter.rpartition(".")[0]
    known = _NAMES.get(shorter, shorter or name)
    return None if known in _FRAMEWORKS else known
