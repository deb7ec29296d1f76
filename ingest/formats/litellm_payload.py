"""LiteLLM's StandardLoggingPayload: what is kept of the record that its callbacks and log files carry.

Of some 12 kB a record most is content (`messages`, `response`) or a copy of LiteLLM's price list; neither is declared
here, and so neither is ever decoded. Times are epoch seconds in the payload and ISO text in its older forms.
"""

from decimal import Decimal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from ingest.formats.body import NULL
from ingest.formats.litellm_cost import CostBreakdown
from ingest.formats.litellm_usage import Usage
from ingest.formats.usage import Count

Scalar = str | int | float | bool | None


class Pricing(Struct, gc=False):
    """Whether LiteLLM could price the call: an object here says that it could not."""


class ErrorInformation(Struct, gc=False):
    """An error. Its message and traceback may quote the prompt and are not read."""

    error_code: str | int | None = None
    error_class: str | None = None


class ModelParameters(Struct, gc=False):
    """What was asked for of images. What else is here may be content and is not read."""

    size: Raw = NULL
    quality: Raw = NULL


class HiddenParams(Struct, gc=False):
    """What LiteLLM keeps beside a response."""

    response_cost: str | float | None = None
    """Whether the model was priced. What the call cost is `response_cost` of the payload."""
    usage_object: Usage | None = None
    custom_llm_provider: str | None = None
    litellm_call_id: str | None = None


class Metadata(Struct, gc=False):
    """Whose call it was. A row of the table has more under the same name: see `litellm_row`."""

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
    internal_call_origin: str | None = None
    attempted_retries: Count | None = None
    attempted_fallbacks: Count | None = None
    # only in the oldest payload
    hidden_params: HiddenParams | None = None
    model_group: str | None = None
    tags: list[object] | None = None


class Payload(Struct, gc=False):
    """One record, as a callback posts it; a row of the table is read into the same shape."""

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
    failed_pricing: Pricing | None = field(name="response_cost_failure_debug_info", default=None)
    doubted_zero: Pricing | UnsetType | None = field(name="zero_cost_diagnostic", default=UNSET)
    """Unset in versions that would not have said so."""
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
