"""LiteLLM's words for calls: which kind of call a record is of, whether it is one, and who served it.

LiteLLM logs every use of its API. Reading, listing and deleting what earlier calls made bills nothing, though some
versions repeat the usage and cost of the call that is read.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.formats import family, provider


class Kind(NamedTuple):
    """A kind of call."""

    request_type: str
    bills: bool = True
    """False where the call moves nothing through a model, whatever usage its record repeats."""


BATCH: Final = Kind("batch")
"""A finished batch, whose cost LiteLLM logs with the call that finds it finished, each time anew."""
BACKGROUND: Final = Kind("responses")
"""A finished background response, logged likewise."""
MCP_TOOL: Final = "mcp_tool"

_CALLS: Final = {
    "completion": "chat_completion",
    "anthropic_messages": "chat_completion",
    "generate_content": "chat_completion",
    "generate_content_stream": "chat_completion_stream",
    "create_interaction": "responses",
    "text_completion": "text_completion",
    "responses": "responses",
    "responses_websocket": "responses",
    "realtime": "realtime",
    "embedding": "embedding",
    "rerank": "rerank",
    "moderation": "moderation",
    "ocr": "ocr",
    "search": "search",
    "speech": "speech",
    "transcription": "transcription",
    "image_generation": "image_generation",
    "image_edit": "image_edit",
    "image_variation": "image_variation",
    "create_video": "video_generation",
    "video_generation": "video_generation",
    "video_remix": "video_remix",
    "pass_through_endpoint": "passthrough",
    "llm_passthrough_route": "passthrough",
    "call_mcp_tool": MCP_TOOL,
    "send_message": "agent_message",
}
_VERBS: Final = {"get": "retrieve", "content": "download", "upload": "create", "add": "create"}
_READS: Final = "get|list|retrieve|delete|cancel|update|content"
_MADE: Final = "file|batch|assistants?|thread|message|vector_store|vector_store_file|container|skill"
_MANAGES: Final = re.compile(
    rf"(?P<verb>{_READS})_(?P<what>\w+)"
    rf"|(?P<object>\w+?)_(?P<does>{_READS})"
    rf"|(?P<makes>create|add|upload)_(?P<made>{_MADE}|container_file)"
    rf"|(?P<kept>{_MADE})_(?P<doing>create)"
)

_PROVIDERS: Final = {
    "ai21_chat": "ai21",
    "anthropic_text": "anthropic",
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "codestral": "mistral",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "github_copilot": "github-copilot",
    "hosted_vllm": "vllm",
    "ollama_chat": "ollama",
    "opencode_go": "opencode-go",
    "runwayml": "runway",
    "sagemaker_chat": "sagemaker",
    "sagemaker_nova": "sagemaker",
    "text-completion-codestral": "mistral",
    "text-completion-openai": "openai",
    "vertex_ai": "vertex",
    "vertex_ai_beta": "vertex",
    "watsonx_text": "watsonx",
}
"""LiteLLM's provider names where the ledger has another; several of them are one provider with several APIs."""
_NO_MODEL: Final = "unknown-model"


@lru_cache(maxsize=1024)
def kind(call_type: str) -> Kind:
    """The kind of a `call_type`, sync or async. One that is not known is a call under its own name."""
    bare = call_type.removeprefix("_")
    for name in (bare, bare.removeprefix("a"), bare.removeprefix("a_")):
        if name in _CALLS:
            return Kind(_CALLS[name])
    for name in (bare.removeprefix("a_"), bare.removeprefix("a"), bare):
        found = _MANAGES.fullmatch(name)
        if found is not None:
            what = found["what"] or found["object"] or found["made"] or found["kept"]
            verb = found["verb"] or found["does"] or found["makes"] or found["doing"]
            return Kind(f"{what}_{_VERBS.get(verb, verb)}", bills=False)
    return Kind(call_type or family.UNKNOWN)


@lru_cache(maxsize=4096)
def served(stated: str | None, model: str | None, group: str | None) -> tuple[str, str]:
    """Provider and model, in the ledger's names. LiteLLM puts its own name of the provider before some models."""
    if not model or model == _NO_MODEL:
        model = None
    elif stated:
        model = model.removeprefix(f"{stated}/")
    prefix, slash, rest = (model or "").partition("/")
    if not stated and slash and prefix in _PROVIDERS:
        stated, model = prefix, rest
    return provider.named(_PROVIDERS.get(stated, stated) if stated else None, model, group or None)
