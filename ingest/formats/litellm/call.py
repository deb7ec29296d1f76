"""LiteLLM's call types, providers and models, under the names of the ledger.

LiteLLM logs every use of its API. Calls that read, list or delete the results of earlier calls bill
nothing, though some versions repeat the usage and cost of the earlier call.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.formats.completion import provider
from ingest.formats.completion.request_type import UNKNOWN_TYPE


class CallKind(NamedTuple):
    """The kind of a call."""

    request_type: str
    bills: bool = True
    """False where the call uses no model, whatever usage its record repeats."""


BATCH: Final = CallKind("batch")
"""A finished batch. LiteLLM logs its cost with every call that finds the batch finished."""
BACKGROUND: Final = CallKind("responses")
"""A finished background response. LiteLLM logs its cost in the same way."""
MCP_TOOL: Final = "mcp_tool"

_REQUEST_TYPES: Final = {
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
_READ_VERBS: Final = "get|list|retrieve|delete|cancel|update|content"
_MANAGED_OBJECTS: Final = (
    "file|batch|assistants?|thread|message|vector_store|vector_store_file|container|skill"
)
_MANAGEMENT_CALL: Final = re.compile(
    rf"(?P<verb>{_READ_VERBS})_(?P<what>\w+)"
    rf"|(?P<object>\w+?)_(?P<does>{_READ_VERBS})"
    rf"|(?P<makes>create|add|upload)_(?P<made>{_MANAGED_OBJECTS}|container_file)"
    rf"|(?P<kept>{_MANAGED_OBJECTS})_(?P<doing>create)"
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
"""The ledger's names of LiteLLM's providers. LiteLLM names some providers once for each API."""
_NO_MODEL: Final = "unknown-model"


@lru_cache(maxsize=1024)
def call_kind(call_type: str) -> CallKind:
    """The kind of a `call_type`, sync or async. An unknown type becomes the request type, and bills."""
    bare = call_type.removeprefix("_")
    for name in (bare, bare.removeprefix("a"), bare.removeprefix("a_")):
        if name in _REQUEST_TYPES:
            return CallKind(_REQUEST_TYPES[name])
    for name in (bare.removeprefix("a_"), bare.removeprefix("a"), bare):
        match = _MANAGEMENT_CALL.fullmatch(name)
        if match is not None:
            managed_object = match["what"] or match["object"] or match["made"] or match["kept"]
            verb = match["verb"] or match["does"] or match["makes"] or match["doing"]
            return CallKind(f"{managed_object}_{_VERBS.get(verb, verb)}", bills=False)
    return CallKind(call_type or UNKNOWN_TYPE)


@lru_cache(maxsize=4096)
def provider_and_model(stated: str | None, model: str | None, group: str | None) -> tuple[str, str]:
    """Provider and model under the ledger's names, without the provider prefix of some LiteLLM models."""
    if not model or model == _NO_MODEL:
        model = None
    elif stated:
        model = model.removeprefix(f"{stated}/")
    prefix, slash, rest = (model or "").partition("/")
    if not stated and slash and prefix in _PROVIDERS:
        stated, model = prefix, rest
    return provider.provider_and_model(
        _PROVIDERS.get(stated, stated) if stated else None, model, group or None
    )
