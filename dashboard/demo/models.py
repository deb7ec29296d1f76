"""The models of the sample traffic: their providers, speed, caching and reasoning."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of a provider that reports its costs, in pico-units per token."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one provider."""

    provider: str
    name: str
    speed: int = 60
    """Output tokens a second."""
    first_token_ms: int = 500
    """Time to first token of a usual call."""
    thinks: float = 0.0
    """The part of its calls that reason before the answer."""
    reads_cache: bool = False
    writes_cache: bool = False
    """Whether the provider bills writes to its prompt cache."""
    region: str | None = None
    reports: tuple[Rates, Rates] | None = None
    """The prices by which the provider reports costs, in the first and in the second half of the period."""
    facts: dict[str, Any] = field(init=False)
    """Its fields of every event."""

    def __post_init__(self) -> None:
        facts = {
            "provider": self.provider,
            "model": self.name,
            "provider_key": f"{self.provider}-main",
            "region": self.region,
        }
        object.__setattr__(self, "facts", facts)


GPT = Model("openai", "gpt-5.4", speed=75, first_token_ms=620, thinks=0.3, reads_cache=True)
GPT_MINI = Model("openai", "gpt-5.4-mini", speed=140, first_token_ms=340, reads_cache=True)
GPT_SOL = Model("openai", "gpt-5.6-sol", 65, 780, thinks=0.6, reads_cache=True, writes_cache=True)
OPUS = Model("anthropic", "claude-opus-5-5", 55, 950, thinks=0.5, reads_cache=True, writes_cache=True)
SONNET = Model("anthropic", "claude-sonnet-5-5", 80, 700, thinks=0.2, reads_cache=True, writes_cache=True)
HAIKU = Model("anthropic", "claude-haiku-5-5", 165, 380, reads_cache=True, writes_cache=True)
GEMINI_FLASH = Model(
    "vertex", "gemini-3.8-flash", 190, 300, thinks=0.1, reads_cache=True, region="europe-west4"
)
MISTRAL_LARGE = Model("mistral", "mistral-large-4", speed=90, first_token_ms=420)
DEEPSEEK = Model("deepseek", "deepseek-v4-pro", speed=45, first_token_ms=900, thinks=0.7, reads_cache=True)
GROK = Model("xai", "grok-4.5", speed=85, first_token_ms=560, thinks=0.4, reads_cache=True)
QWEN_MAX = Model(
    "openrouter", "qwen/qwen3-max", reports=(Rates(1_200_000, 6_000_000), Rates(900_000, 4_500_000))
)
QWEN_CODER = Model("vllm", "qwen3-coder-next", speed=110, first_token_ms=180)
EMBEDDING = Model("openai", "text-embedding-3-small", first_token_ms=90)

UNPRICED = (QWEN_CODER,)
"""Self-hosted models, which have no price."""
