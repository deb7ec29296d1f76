"""Attribute names by meaning, the newest name first. An attribute that is not listed here is dropped.

The names come from many writers and many years: the GenAI conventions before and after their renamings,
OpenInference (`llm.token_count.*`), OpenLLMetry (`llm.usage.*`, `traceloop.*`), the gateway's own plugin
(`bifrost.*`), and a few others. Attributes with content (messages, prompts, tool arguments, `input.value`
...) are not listed, so they are dropped as soon as a trace is split into spans.
"""

from typing import Final

Spellings = tuple[str, ...]

# the kind of the span
OPERATION: Final = ("gen_ai.operation.name",)
OPENINFERENCE_KIND: Final = ("openinference.span.kind",)
TRACELOOP_KIND: Final = ("traceloop.span.kind",)
LLM_REQUEST_TYPE: Final = ("llm.request.type",)
GATEWAY_REQUEST_TYPE: Final = ("request.type",)
AI_SDK_OPERATION: Final = ("ai.operationId",)
API_TYPE: Final = ("openai.api.type", "gen_ai.openai.api_type")
STREAM: Final = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming", "llm.streaming")

# provider, model and response
PROVIDER: Final = (
    "gen_ai.provider.name",
    "gen_ai.system",
    "bifrost.provider.name",
    "llm.provider",
    "ai.model.provider",
)
VENDOR: Final = ("llm.system",)
"""The vendor of the model: the provider, where no provider is stated."""
RESPONSE_MODEL: Final = (
    "gen_ai.response.model",
    "ai.response.model",
    "llm.response.model_name",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
)
REQUESTED: Final = "llm.request.model_name"
REQUEST_MODEL: Final = ("gen_ai.request.model", REQUESTED, "ai.model.id")
PARAMETERS: Final = frozenset({"llm.invocation_parameters", "embedding.invocation_parameters"})
"""The parameters of a call, as JSON. Only the model is kept, which may be stated nowhere else."""
ALIAS: Final = ("bifrost.alias",)
RESPONSE_ID: Final = ("gen_ai.response.id", "ai.response.id", "llm.response.id")
INVENTED_IDS: Final = ("aitxt-", "aiobj-", "run-", "lc_run-")
"""Prefixes of ids that frameworks give to responses without one: other instrumentations do not know them."""
PROVIDER_KEY: Final = (
    "bifrost.selected_key.name",
    "gen_ai.selected_key_name",
    "bifrost.selected_key.id",
    "gen_ai.selected_key_id",
)
SERVICE_TIER: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "anthropic.response.service_tier",
)
REQUESTED_TIER: Final = ("openai.request.service_tier", "gen_ai.openai.request.service_tier")
FINGERPRINT: Final = (
    "openai.response.system_fingerprint",
    "gen_ai.openai.response.system_fingerprint",
    "gen_ai.openai.system_fingerprint",
    "gen_ai.response.system_fingerprint",
)
FINISH_REASON: Final = (
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "gen_ai.completion.0.finish_reason",
    "anthropic.message.stop_reason",
)
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
ERROR_TYPE: Final = ("error.type", "gen_ai.error.type", "bifrost.error.type", EXCEPTION_TYPE)
ERROR_CODE: Final = ("http.response.status_code", "gen_ai.error.code", "http.status_code")

# owners of the call
VIRTUAL_KEY: Final = ("bifrost.virtual_key.id", "gen_ai.virtual_key_id")
VIRTUAL_KEY_NAME: Final = (
    "bifrost.virtual_key.name",
    "gen_ai.virtual_key_name",
    "metadata.user_api_key_alias",
)
TEAM: Final = ("tallybook.team", "bifrost.team.id", "gen_ai.team_id", "metadata.user_api_key_team_id")
TEAM_NAME: Final = ("bifrost.team.name", "gen_ai.team_name", "metadata.user_api_key_team_alias")
CUSTOMER: Final = ("tallybook.customer", "bifrost.customer.id", "gen_ai.customer_id")
CUSTOMER_NAME: Final = ("bifrost.customer.name", "gen_ai.customer_name")
BUSINESS_UNIT: Final = ("bifrost.business_unit.id", "gen_ai.business_unit_id")
BUSINESS_UNIT_NAME: Final = ("bifrost.business_unit.name", "gen_ai.business_unit_name")
PROJECT: Final = ("tallybook.project", "bifrost.project.id", "bifrost.project.name")
USER: Final = ("bifrost.user.id", "gen_ai.user_id", "metadata.user_api_key_user_id")
END_USER: Final = (
    "user.id",
    "enduser.id",
    "gen_ai.user",
    "llm.user",
    "traceloop.association.properties.user_id",
    "metadata.user_api_key_end_user_id",
)
APP: Final = ("bifrost.app",)
SERVICE: Final = ("service.name",)
ENVIRONMENT: Final = ("deployment.environment.name", "deployment.environment")

SESSION: Final = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.conversation_id",
    "langfuse.session.id",
    "gcp.vertex.agent.session_id",
    "ai.telemetry.metadata.sessionId",
)
AGENT: Final = (
    "gen_ai.agent.name",
    "agent.name",
    "traceloop.association.properties.agent_name",
    "gen_ai.agent.id",
    "agent.id",
)
WORKFLOW: Final = (
    "gen_ai.workflow.name",
    "traceloop.workflow.name",
    "traceloop.association.properties.workflow_name",
    "gen_ai.workflow.id",
)

LABELS: Final[dict[str, Spellings]] = {
    "session": ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id"),
    "agent": ("gen_ai.agent.name", "agent.name"),
    "workflow": ("gen_ai.workflow.name", "traceloop.workflow.name"),
    "prompt": ("gen_ai.prompt.name", "traceloop.prompt.key"),
    "namespace": ("service.namespace", "k8s.namespace.name"),
    "team_ids": ("bifrost.team.ids",),
    "customer_ids": ("bifrost.customer.ids",),
    "business_unit_ids": ("bifrost.business_unit.ids",),
}
"""Labels, and the attributes of the span or its resource with their values."""

LABEL_PREFIXES: Final = ("tallybook.label.", "traceloop.association.properties.")
"""Prefixes of attributes that are labels. The rest of the name is the name of the label."""

# retries, chunks and durations
RETRIES: Final = ("bifrost.retries", "gen_ai.number_of_retries")
ATTEMPT: Final = ("bifrost.fallback_index", "gen_ai.fallback_index")
CHUNKS: Final = ("gen_ai.response.total_chunks",)
STREAMED: Final = "gen_ai.response.time_to_first_chunk"
"""Only a streamed call has this attribute."""
FIRST_CHUNK_SECONDS: Final = (
    STREAMED,
    "gen_ai.server.time_to_first_token",
    "gen_ai.latency.time_to_first_token",
)
FIRST_CHUNK_MILLISECONDS: Final = ("ai.response.msToFirstChunk",)
FIRST_CHUNK: Final = ("gen_ai.response.time_to_first_token",)
"""In seconds, milliseconds or nanoseconds, by writer: the latency of the call decides the unit."""
FIRST_CHUNK_EVENTS: Final = frozenset(
    {
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
        "ai.stream.firstChunk",
    }
)
"""Events without content that mark a chunk of the response. The first event is the first token."""

# usage
INPUT_TOKENS: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
)
OUTPUT_TOKENS: Final = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
TOTAL_TOKENS: Final = (
    "gen_ai.usage.total_tokens",
    "llm.usage.total_tokens",
    "llm.token_count.total",
    "ai.usage.totalTokens",
)
CACHE_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.prompt_token_details.cached_read_tokens",
    "gen_ai.usage.input_token_details.cached_read_tokens",
    "gen_ai.usage.prompt_tokens_details.cached_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cached_tokens",
    "llm.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "llm.token_count.prompt_details.cache_input",
    "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
)
CACHE_WRITE: Final = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.prompt_token_details.cached_write_tokens",
    "gen_ai.usage.input_token_details.cached_write_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "llm.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
)
CACHE_WRITE_5M: Final = (
    "gen_ai.usage.prompt_token_details.cached_write_tokens_5m",
    "gen_ai.usage.input_token_details.cached_write_tokens_5m",
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
)
CACHE_WRITE_1H: Final = (
    "gen_ai.usage.prompt_token_details.cached_write_tokens_1h",
    "gen_ai.usage.input_token_details.cached_write_tokens_1h",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
)
INPUT_TEXT: Final = (
    "gen_ai.usage.text.input_tokens",
    "gen_ai.usage.prompt_token_details.text_tokens",
    "gen_ai.usage.input_token_details.text_tokens",
)
INPUT_AUDIO: Final = (
    "gen_ai.usage.audio.input_tokens",
    "gen_ai.usage.prompt_token_details.audio_tokens",
    "gen_ai.usage.input_token_details.audio_tokens",
    "llm.token_count.prompt_details.audio",
)
INPUT_IMAGE: Final = (
    "gen_ai.usage.image.input_tokens",
    "gen_ai.usage.prompt_token_details.image_tokens",
    "gen_ai.usage.input_token_details.image_tokens",
)
OUTPUT_TEXT: Final = (
    "gen_ai.usage.text.output_tokens",
    "gen_ai.usage.completion_token_details.text_tokens",
    "gen_ai.usage.output_token_details.text_tokens",
)
OUTPUT_AUDIO: Final = (
    "gen_ai.usage.audio.output_tokens",
    "gen_ai.usage.completion_token_details.audio_tokens",
    "gen_ai.usage.output_token_details.audio_tokens",
    "llm.token_count.completion_details.audio",
)
OUTPUT_IMAGE: Final = (
    "gen_ai.usage.image.output_tokens",
    "gen_ai.usage.completion_token_details.image_tokens",
    "gen_ai.usage.output_token_details.image_tokens",
)
REASONING: Final = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.completion_token_details.reasoning_tokens",
    "gen_ai.usage.output_token_details.reasoning_tokens",
    "gen_ai.usage.completion_tokens_details.reasoning_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.reasoningTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
)
CITATION: Final = (
    "gen_ai.usage.completion_token_details.citation_tokens",
    "gen_ai.usage.output_token_details.citation_tokens",
)
ACCEPTED: Final = (
    "gen_ai.usage.completion_token_details.accepted_prediction_tokens",
    "gen_ai.usage.output_token_details.accepted_prediction_tokens",
)
REJECTED: Final = (
    "gen_ai.usage.completion_token_details.rejected_prediction_tokens",
    "gen_ai.usage.output_token_details.rejected_prediction_tokens",
)
SEARCHES: Final = (
    "gen_ai.usage.completion_token_details.num_search_queries",
    "gen_ai.usage.output_token_details.num_search_queries",
)

# stated cost
COST: Final = (
    "gen_ai.usage.cost.amount",
    "gen_ai.usage.cost",
    "gen_ai.cost.total_cost",
    "gen_ai.usage.total_cost",
    "gen_ai.cost.amount",
    "gen_ai.cost",
    "operation.cost",
    "llm.cost.total",
)
CURRENCY: Final = ("gen_ai.usage.cost.currency",)
COST_INPUT: Final = (
    "bifrost.cost.input",
    "gen_ai.cost.input_cost",
    "gen_ai.usage.input_cost",
    "llm.cost.prompt",
)
COST_CACHE_READ: Final = (
    "bifrost.cost.input.cached_read",
    "llm.cost.prompt_details.cache_read",
    "llm.cost.prompt_details.cache_input",
)
COST_CACHE_WRITE: Final = ("bifrost.cost.input.cached_write", "llm.cost.prompt_details.cache_write")
COST_REQUEST: Final = ("bifrost.cost.input.request",)
COST_OUTPUT: Final = (
    "bifrost.cost.output",
    "gen_ai.cost.output_cost",
    "gen_ai.usage.output_cost",
    "llm.cost.completion",
)
COST_REASONING: Final = ("bifrost.cost.output.reasoning", "llm.cost.completion_details.reasoning")
COST_CITATION: Final = ("bifrost.cost.output.citation",)
COST_SEARCH: Final = ("bifrost.cost.output.search_queries",)
COST_ADDITIONAL: Final = ("bifrost.cost.additional",)
COST_TOOL: Final = ("bifrost.cost.additional.mcp", "gen_ai.cost.tool_usage_cost")
COST_GUARDRAIL: Final = ("bifrost.cost.additional.guardrail",)
COST_SEMANTIC_CACHE: Final = ("bifrost.cost.additional.semantic_cache",)
COST_ROUTING: Final = ("bifrost.cost.additional.routing",)


def _all(*meanings: Spellings) -> frozenset[str]:
    return frozenset(name for meaning in meanings for name in meaning)


USAGE_PREFIXES: Final = ("gen_ai.usage.", "llm.usage.", "llm.token_count.", "ai.usage.")
"""Prefixes of counts. A number with such a name is kept even if the name is not known, to be named."""

USAGE: Final = _all(
    *(INPUT_TOKENS, OUTPUT_TOKENS, TOTAL_TOKENS, CACHE_READ, CACHE_WRITE, CACHE_WRITE_5M, CACHE_WRITE_1H),
    *(INPUT_TEXT, INPUT_AUDIO, INPUT_IMAGE, OUTPUT_TEXT, OUTPUT_AUDIO, OUTPUT_IMAGE),
    *(REASONING, CITATION, ACCEPTED, REJECTED, SEARCHES),
)
"""Attributes that are counts of the usage."""
_COUNTS = USAGE | _all(RETRIES, ATTEMPT, CHUNKS)
_AMOUNTS = _all(
    *(COST, COST_INPUT, COST_CACHE_READ, COST_CACHE_WRITE, COST_REQUEST, COST_OUTPUT, COST_REASONING),
    *(COST_CITATION, COST_SEARCH, COST_ADDITIONAL, COST_TOOL),
    *(COST_GUARDRAIL, COST_SEMANTIC_CACHE, COST_ROUTING),
)
_DURATIONS = _all(FIRST_CHUNK_SECONDS, FIRST_CHUNK_MILLISECONDS, FIRST_CHUNK)

NUMBERS: Final = _COUNTS | _AMOUNTS | _DURATIONS | _all(STREAM)
"""Attributes that are numbers or booleans. A text in their place may be content."""

TEXTS: Final = _all(
    *(OPERATION, OPENINFERENCE_KIND, TRACELOOP_KIND, LLM_REQUEST_TYPE, GATEWAY_REQUEST_TYPE),
    *(AI_SDK_OPERATION, API_TYPE),
    *(PROVIDER, VENDOR, RESPONSE_MODEL, REQUEST_MODEL, ALIAS, RESPONSE_ID, PROVIDER_KEY),
    *(SERVICE_TIER, REQUESTED_TIER, FINGERPRINT, FINISH_REASON, ERROR_TYPE, ERROR_CODE, CURRENCY),
    *(VIRTUAL_KEY, VIRTUAL_KEY_NAME, TEAM, TEAM_NAME, CUSTOMER, CUSTOMER_NAME),
    *(BUSINESS_UNIT, BUSINESS_UNIT_NAME, PROJECT, USER, END_USER, APP, SERVICE, ENVIRONMENT),
    *(SESSION, AGENT, WORKFLOW),
    *LABELS.values(),
)
"""Attributes that are short texts: names, ids and codes."""

KNOWN: Final = NUMBERS | TEXTS
