"""The sample keys, the teams that own them and the customers of these teams.

Shares are distributed like those of real clients of a model service: the largest of a dozen has a quarter of
the calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

from dashboard.demo.models import (
    DEEPSEEK,
    EMBEDDING,
    GEMINI_FLASH,
    GPT,
    GPT_MINI,
    GPT_SOL,
    GROK,
    HAIKU,
    MISTRAL_LARGE,
    OPUS,
    QWEN_CODER,
    QWEN_MAX,
    SONNET,
    Model,
)
from dashboard.demo.schedules import CUSTOMERS, NIGHTS, OFFICE, Schedule
from dashboard.demo.work import AGENT, CHAT, COMPLETION, EXTRACTION, INDEXING, Work


@dataclass(frozen=True, slots=True)
class Team:
    """A team and its customer, as the gateway names them."""

    ident: str
    name: str
    customer: str
    customer_name: str


@dataclass(frozen=True, slots=True)
class Key:
    """A virtual key."""

    ident: str
    team: Team
    share: int
    """Its calls per thousand of all calls."""
    schedule: Schedule
    work: Work
    uses: Sequence[tuple[Model, int]]
    """Its models and their weights."""
    project: str
    features: Sequence[str]
    name: str | None = None
    environment: str = "production"
    fallback: Model | None = None
    end_users: int = 0
    """The number of end users behind it; 0 for a program."""
    cached: float = 0.0
    """The part of its calls that the gateway's own cache answers."""
    batches: bool = False
    """Whether its calls may be sent as batches."""
    runs_away: bool = False
    models: Sequence[Model] = field(init=False)
    cumulative_weights: Sequence[int] = field(init=False)
    attribution: dict[str, Any] = field(init=False)
    """Its fields of every event."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(model for model, _ in self.uses))
        object.__setattr__(self, "cumulative_weights", tuple(accumulate(weight for _, weight in self.uses)))
        attribution = {
            "virtual_key": self.ident,
            "virtual_key_name": self.name,
            "team": self.team.ident,
            "team_name": self.team.name,
            "customer": self.team.customer,
            "customer_name": self.team.customer_name,
            "project": self.project,
            "environment": self.environment,
        }
        object.__setattr__(self, "attribution", attribution)


_SEARCH = Team("team-search", "Search", "cust-harbour", "Harbour Retail")
_MARKETING = Team("team-marketing", "Marketing", "cust-harbour", "Harbour Retail")
_SUPPORT = Team("team-support", "Support", "cust-lindgren", "Lindgren Health")
_ENGINEERING = Team("team-engineering", "Engineering", "cust-internal", "Internal")
_DATA = Team("team-data", "Data", "cust-internal", "Internal")
_RESEARCH = Team("team-research", "Research", "cust-internal", "Internal")

KEYS: Final = (
    Key(
        ident="vk-support-chat",
        name="Support assistant",
        team=_SUPPORT,
        share=265,
        schedule=CUSTOMERS,
        work=CHAT,
        uses=((HAIKU, 7), (GPT_MINI, 3)),
        project="helpdesk",
        features=("chat", "summary", "handover"),
        fallback=GEMINI_FLASH,
        end_users=900,
        cached=0.06,
    ),
    Key(
        ident="vk-search-answers",
        name="Search answers",
        team=_SEARCH,
        share=170,
        schedule=CUSTOMERS,
        work=CHAT,
        uses=((GEMINI_FLASH, 3), (GPT_MINI, 1)),
        project="storefront",
        features=("answers", "rewrite"),
        fallback=GPT_MINI,
        end_users=1500,
        cached=0.11,
    ),
    Key(
        ident="vk-code-review",
        name="Code review",
        team=_ENGINEERING,
        share=115,
        schedule=OFFICE,
        work=AGENT,
        uses=((SONNET, 8), (GPT, 3), (OPUS, 1)),
        project="platform",
        features=("review", "tests"),
        fallback=GPT,
    ),
    Key(
        ident="sk-bf-0d3f6a52-demo-4b1e-8c47-engineering1",
        team=_ENGINEERING,
        share=90,
        schedule=OFFICE,
        work=COMPLETION,
        uses=((SONNET, 3), (GPT_SOL, 2)),
        project="platform",
        features=("completion", "chat"),
        end_users=60,
    ),
    Key(
        ident="vk-search-index",
        name="Search index",
        team=_SEARCH,
        share=80,
        schedule=NIGHTS,
        work=INDEXING,
        uses=((EMBEDDING, 1),),
        project="storefront",
        features=("indexing",),
    ),
    Key(
        ident="vk-data-extraction",
        name="Document extraction",
        team=_DATA,
        share=65,
        schedule=NIGHTS,
        work=EXTRACTION,
        uses=((GPT_MINI, 3), (GEMINI_FLASH, 1)),
        project="documents",
        features=("invoices", "contracts"),
        batches=True,
    ),
    Key(
        ident="vk-support-triage",
        name="Ticket triage",
        team=_SUPPORT,
        share=50,
        schedule=CUSTOMERS,
        work=EXTRACTION,
        uses=((MISTRAL_LARGE, 4), (HAIKU, 1)),
        project="helpdesk",
        features=("routing", "sentiment"),
        fallback=HAIKU,
    ),
    Key(
        ident="vk-marketing-copy",
        name="Campaign copy",
        team=_MARKETING,
        share=45,
        schedule=OFFICE,
        work=CHAT,
        uses=((GPT, 2), (MISTRAL_LARGE, 1)),
        project="campaigns",
        features=("copy", "translation"),
        end_users=25,
    ),
    Key(
        ident="vk-research-evals",
        name="Evaluations",
        team=_RESEARCH,
        share=40,
        schedule=OFFICE,
        work=AGENT,
        uses=((OPUS, 3), (DEEPSEEK, 2), (GROK, 2)),
        project="evals",
        features=("benchmark", "judge"),
        runs_away=True,
    ),
    Key(
        ident="sk-bf-7be94c10-demo-46d2-9a0f-researchers1",
        team=_RESEARCH,
        share=30,
        schedule=OFFICE,
        work=CHAT,
        uses=((QWEN_MAX, 2), (GROK, 1)),
        project="notebooks",
        features=("exploration",),
        end_users=12,
    ),
    Key(
        ident="vk-data-summaries",
        name="Nightly summaries",
        team=_DATA,
        share=25,
        schedule=NIGHTS,
        work=EXTRACTION,
        uses=((QWEN_CODER, 1),),
        project="documents",
        features=("summaries",),
    ),
    Key(
        ident="vk-staging",
        name="Staging",
        team=_ENGINEERING,
        share=15,
        schedule=OFFICE,
        work=CHAT,
        uses=((HAIKU, 1), (GPT_MINI, 1), (GEMINI_FLASH, 1)),
        project="platform",
        features=("integration",),
        environment="staging",
    ),
    Key(
        ident="vk-sandbox",
        name="Sandbox",
        team=_ENGINEERING,
        share=10,
        schedule=OFFICE,
        work=CHAT,
        uses=((QWEN_MAX, 2), (QWEN_CODER, 1), (GPT_SOL, 1)),
        project="platform",
        features=("trial",),
        environment="dev",
        end_users=8,
    ),
)
