"""The parties to a charge: service provider, host, invoice issuer, billing account and sub-account."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dashboard.focus.attribution import DirectoryEntry
from dashboard.focus.parse_request import ExportScope

UNASSIGNED: Final = "unassigned"


class Seller(NamedTuple):
    """A provider's company, and the company's name for its service."""

    company: str
    service: str


_SELLERS: Final[Mapping[str, Seller]] = {
    "openai": Seller("OpenAI", "OpenAI API"),
    "anthropic": Seller("Anthropic", "Claude API"),
    "azure": Seller("Microsoft", "Azure OpenAI"),
    "azure_ai": Seller("Microsoft", "Azure AI Foundry"),
    "bedrock": Seller("Amazon Web Services", "Amazon Bedrock"),
    "sagemaker": Seller("Amazon Web Services", "Amazon SageMaker"),
    "vertex": Seller("Google Cloud", "Vertex AI"),
    "vertex_ai": Seller("Google Cloud", "Vertex AI"),
    "gemini": Seller("Google", "Gemini API"),
    "google": Seller("Google", "Gemini API"),
    "openrouter": Seller("OpenRouter", "OpenRouter"),
    "mistral": Seller("Mistral AI", "Mistral API"),
    "cohere": Seller("Cohere", "Cohere API"),
    "groq": Seller("Groq", "GroqCloud"),
    "cerebras": Seller("Cerebras", "Cerebras Inference"),
    "deepseek": Seller("DeepSeek", "DeepSeek API"),
    "perplexity": Seller("Perplexity", "Perplexity API"),
    "xai": Seller("xAI", "xAI API"),
    "fireworks": Seller("Fireworks AI", "Fireworks AI"),
    "fireworks_ai": Seller("Fireworks AI", "Fireworks AI"),
    "together": Seller("Together AI", "Together AI"),
    "together_ai": Seller("Together AI", "Together AI"),
    "huggingface": Seller("Hugging Face", "Hugging Face Inference"),
    "elevenlabs": Seller("ElevenLabs", "ElevenLabs API"),
    "ollama": Seller("Ollama", "Ollama"),
    "vllm": Seller("vLLM", "vLLM"),
}


def seller(provider: str) -> Seller:
    """The company behind a provider's name; an unknown provider's company has the provider's name."""
    return _SELLERS.get(provider.lower()) or Seller(provider, f"{provider} API")


def parties(
    scope: ExportScope, provider: str | None, team: DirectoryEntry | None, center: DirectoryEntry | None
) -> dict[str, Any]:
    """The columns that name the parties to a charge; without a provider, the issuer is the seller."""
    sold_by = seller(provider) if provider else Seller(scope.issuer, scope.issuer)
    service: dict[str, Any] = {"service_name": sold_by.service, "host_provider_name": sold_by.company}
    if scope.profile == "provider":
        return service | {
            "service_provider_name": sold_by.company,
            "invoice_issuer_name": sold_by.company,
            "billing_account_id": scope.accounts.get(provider or "", provider or UNASSIGNED),
            "billing_account_name": sold_by.company,
            "billing_account_type": "Organization",
        }
    return service | {
        "service_provider_name": scope.issuer,
        "invoice_issuer_name": scope.issuer,
        "billing_account_id": center.ident if center else UNASSIGNED,
        "billing_account_name": center.name if center else "Unassigned",
        "billing_account_type": "Cost Center",
        "sub_account_id": team.ident if team else None,
        "sub_account_name": team.name if team else None,
        "sub_account_type": "Team" if team else None,
    }
