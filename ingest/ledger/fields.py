"""Where each field of an event and its charge is stored: the contract between decoding and the tables.

Separate from the tables, so that a process that only decodes does not load a database library.
"""

from typing import Final

from ingest.model import event
from ingest.pricing import charge

TERMS: Final = (
    "source",
    "request_type",
    "object",
    "provider",
    "model",
    "model_requested",
    "model_deployment",
    "provider_key",
    "service_tier",
    "region",
    "finish_reason",
    "status",
    "error_type",
    "error_code",
    "cache_hit_type",
    "cache_requested_provider",
    "cache_requested_model",
    "cache_used_provider",
    "cache_used_model",
    "currency",
    "image_size",
    "image_quality",
    "agent",
    "workflow",
    "flags",
    "cost_source",
    "unpriced_reason",
)
"""Fields of an event or charge that the tables store as `<field>_id`, an id of `term`."""

WHO: Final = (
    "virtual_key",
    "virtual_key_name",
    "team",
    "team_name",
    "customer",
    "customer_name",
    "business_unit",
    "business_unit_name",
    "project",
    "environment",
    "application",
)
"""Fields of an event that become one `attribution_id`."""

FACTS: Final = tuple(
    field
    for field in (*event.COLUMNS, *charge.Charge.__struct_fields__)
    if field not in {*WHO, *TERMS, "price_set"}
)
"""Fields of an event or charge that `usage_event` stores unchanged in a column of the same name."""
