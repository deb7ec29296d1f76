"""Providers of spans: their many names, under the names of the ledger and its price book."""

from functools import lru_cache
from typing import Final

from ingest.formats.completion.provider import PROVIDERS

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
"""Frameworks that some spans name as the provider. They serve no model."""


@lru_cache(maxsize=4096)
def provider(stated: str | None, vendor: str | None = None) -> str | None:
    """The stated provider under the ledger's name; without one, the vendor of the model."""
    for name in (stated, vendor):
        if name and (canonical := _canonical(name.strip().lower())):
            return canonical
    return None


def _canonical(name: str) -> str | None:
    """The ledger's name, also for names with an API (`openai.chat`, `google.vertex.chat`)."""
    prefix = name
    while prefix and prefix not in _NAMES and prefix not in PROVIDERS:
        prefix = prefix.rpartition(".")[0]
    canonical = _NAMES.get(prefix, prefix or name)
    return None if canonical in _FRAMEWORKS else canonical
