"""The kinds of work that keys request: the sizes of prompts and answers.

They follow published traces of real services. Chat and completion have the quantiles of the Azure LLM
inference traces of 2023 (CC-BY 4.0); the long contexts of agents have the quantiles of the Mooncake
conversation trace (Apache-2.0).
"""

from dataclasses import dataclass
from typing import Final

from dashboard.demo.random_draws import Curve


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work."""

    prompt: Curve
    answer: Curve | None
    """None for work without output."""
    repeats: float = 0.0
    """The part of its prompts that start like an earlier prompt."""
    streams: float = 0.0
    tools: float = 0.0
    """The part of its answers that are tool calls."""
    request_type: str = "chat_completion"


_CHAT_PROMPT: Final = Curve(
    ((0, 24), (0.1, 207), (0.25, 396), (0.5, 1020), (0.75, 1189), (0.9, 2735), (0.99, 4142), (1, 14050))
)
_CHAT_ANSWER: Final = Curve(
    ((0, 7), (0.1, 54), (0.25, 85), (0.5, 129), (0.75, 395), (0.9, 424), (0.99, 601), (1, 1000))
)
_CODE_PROMPT: Final = Curve(
    ((0, 36), (0.1, 147), (0.25, 578), (0.5, 1469), (0.75, 2745), (0.9, 5194), (0.99, 7436), (1, 7437))
)
_CODE_ANSWER: Final = Curve(((0, 6), (0.25, 9), (0.5, 13), (0.75, 24), (0.9, 55), (0.99, 252), (1, 1899)))
_LONG_PROMPT: Final = Curve(
    ((0, 891), (0.1, 964), (0.25, 2306), (0.5, 6909), (0.75, 15368), (0.9, 27367), (0.99, 85401), (1, 126195))
)
_LONG_ANSWER: Final = Curve(((0, 1), (0.1, 24), (0.25, 156), (0.5, 350), (0.9, 597), (0.99, 1120), (1, 2000)))

CHAT: Final = Work(_CHAT_PROMPT, _CHAT_ANSWER, repeats=0.75, streams=0.9, tools=0.06)
COMPLETION: Final = Work(_CODE_PROMPT, _CODE_ANSWER, repeats=0.7, streams=0.75)
AGENT: Final = Work(_LONG_PROMPT, _LONG_ANSWER, repeats=0.7, streams=0.6, tools=0.55)
EXTRACTION: Final = Work(_CODE_PROMPT, _CHAT_ANSWER, repeats=0.3)
INDEXING: Final = Work(_CHAT_PROMPT, None, request_type="embedding")
