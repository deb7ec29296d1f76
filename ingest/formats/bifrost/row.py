"""The columns of Bifrost's log that are kept, with the names of its API and its table."""

from decimal import Decimal
from typing import Any, Final

from msgspec import Raw, Struct

from ingest.formats.completion.body import NULL, Body, CacheDebug, Milliseconds
from ingest.formats.completion.cost import Cost
from ingest.formats.completion.usage import Count, Usage
from ingest.formats.json.column import JsonColumn


class LogRow(Struct, gc=False):
    """The columns that are kept. A column of type `Raw` is JSON: an object in the API, text in the table."""

    id: str
    timestamp: float | str
    status: str
    object: str | None = None
    object_type: str | None = None
    provider: str | None = None
    model: str | None = None
    alias: str | None = None
    served_model: str | None = None
    server_side_fallback_model: str | None = None
    parent_request_id: str | None = None
    session_id: str | None = None
    number_of_retries: Count | None = None
    fallback_index: Count | None = None
    selected_key_id: str | None = None
    selected_key_name: str | None = None
    virtual_key_id: str | None = None
    virtual_key_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    team_id: str | None = None
    team_name: str | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    business_unit_id: str | None = None
    business_unit_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    app: str | None = None
    team_ids: Raw = NULL
    customer_ids: Raw = NULL
    business_unit_ids: Raw = NULL
    cache_debug: Raw = NULL
    token_usage: Raw = NULL
    error_details: Raw = NULL
    metadata: Raw = NULL
    cost_breakdown: Raw = NULL
    batch_debug: Raw = NULL
    video_debug: Raw = NULL
    latency: Milliseconds | None = None
    upstream_latency: Milliseconds | None = None
    cost: Decimal | None = None
    stop_reason: str | None = None
    stream: bool | int | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cached_read_tokens: Count | None = None
    updated_at: float | str | None = None


class JobAccounting(Struct, gc=False):
    """How a job was settled. A row with it states the cost of the job, or repeats it (`echo`)."""

    echo: bool | None = None


class JobDebug(Struct, gc=False):
    """The job of a provider that a row is about. Its accounting is set where the job was settled."""

    batch_id: str | None = None
    accounting: JobAccounting | None = None


BATCH_DEBUG: Final = JsonColumn[JobDebug]("batch_debug", JobDebug)
VIDEO_DEBUG: Final = JsonColumn[JobDebug]("video_debug", JobDebug)
TOKEN_USAGE: Final = JsonColumn[Usage]("token_usage", Usage)
CACHE_DEBUG: Final = JsonColumn[CacheDebug]("cache_debug", CacheDebug)
ERROR_DETAILS: Final = JsonColumn[Body]("error_details", Body)
COST_BREAKDOWN: Final = JsonColumn[Cost]("cost_breakdown", Cost)
METADATA: Final = JsonColumn[dict[str, Any]]("metadata", dict[str, Any])
TEAM_IDS: Final = JsonColumn[list[str]]("team_ids", list[str])
CUSTOMER_IDS: Final = JsonColumn[list[str]]("customer_ids", list[str])
BUSINESS_UNIT_IDS: Final = JsonColumn[list[str]]("business_unit_ids", list[str])
