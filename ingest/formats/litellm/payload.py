"""LiteLLM's StandardLoggingPayload: the fields that are kept of a record of its callbacks and log files.

A record has some 12 kB, most of it content (`messages`, `response`) or a copy of LiteLLM's price list.
Neither is declared here, so neither is ever decoded. Times are epoch seconds, or ISO text in older forms of
the payload.
"""

from decimal import Decimal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from ingest.formats.completion.body import NULL
from ingest.formats.completion.usage import Count
from ingest.formats.litellm.cost import CostBreakdown
from ingest.formats.litellm.usage import Usage

Scalar = str | int | float | bool | None


class PricingDiagnostic(Struct, gc=False):
    """Diagnostics of pricing. The object is present only where LiteLLM could not price the call."""


class ErrorInformation(Struct, gc=False):
    """An error. Its message and traceback may quote the prompt and are not decoded."""

    error_code: str | int | None = None
    error_class: str | None = None


class ModelParameters(Struct, gc=False):
    """Parameters of images. Other parameters may be content and are not decoded."""

    size: Raw = NULL
    quality: Raw = NULL


class HiddenParams(Struct, gc=False):
    """LiteLLM's own fields beside a response."""

    response_cost: str | float | None = None
    """None if the model was not priced. The cost of the call is `response_cost` of the payload."""
    usage_object: Usage | None = None
    custom_llm_provider: str | None = None
    litellm_call_id: str | None = None


class Metadata(Struct, gc=False):
    """The owners of the call, and fields that only rows of the table or old payloads have."""

    user_api_key_hash: str | None = None
    user_api_key: str | None = None
    user_api_key_alias: str | None = None
    user_api_key_team_id: str | None = None
    user_api_key_team_alias: str | None = None
    user_api_key_org_id: str | None = None
    user_api_key_org_alias: str | None = None
    user_api_key_project_id: str | None = None
    user_api_key_project_alias: str | None = None
    user_api_key_user_id: str | None = None
    user_api_key_end_user_id: str | None = None
    team_id: str | None = None
    team_alias: str | None = None
    spend_logs_metadata: dict[str, object] | None = None
    usage_object: Usage | None = None
    is_silent_experiment: bool | None = None
    # only in rows of the table
    status: str | None = None
    litellm_call_id: str | None = None
    additional_usage_values: Usage | None = None
    cost_breakdown: CostBreakdown | None = None
    error_information: ErrorInformation | None = None
    agent_id: str | None = None
    internal_call_origin: str | None = None
    attempted_retries: Count | None = None
    attempted_fallbacks: Count | None = None
    # only in the oldest payload
    hidden_params: HiddenParams | None = None
    model_group: str | None = None
    tags: list[object] | None = None


class Payload(Struct, gc=False):
    """One record of a callback. Rows of the table are converted to the same struct."""

    call_type: str | None
    started: float | str = field(name="startTime")
    id: str | int | None = None
    litellm_call_id: str | None = None
    trace_id: str | None = None
    session_id: str | None = None
    ended: float | str | None = field(name="endTime", default=None)
    first_token: float | str | None = field(name="completionStartTime", default=None)
    stream: bool | None = None
    status: str | None = None
    response_cost: Decimal | None = None
    cost_breakdown: CostBreakdown | None = None
    response_cost_failure_debug_info: PricingDiagnostic | None = None
    zero_cost_diagnostic: PricingDiagnostic | UnsetType | None = UNSET
    """Why the cost is 0. Unset in versions without this field."""
    custom_llm_provider: str | None = None
    model: str | None = None
    model_group: str | None = None
    model_id: str | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cache_hit: bool | str | None = None
    cache_key: str | None = None
    metadata: Metadata | None = None
    hidden_params: HiddenParams | None = None
    model_parameters: ModelParameters | None = None
    request_tags: list[object] | None = None
    end_user: str | None = None
    error_information: ErrorInformation | None = None
