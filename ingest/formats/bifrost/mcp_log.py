"""Bifrost's log of tool calls over MCP: a row of `mcp_tool_logs` with a cost is a call of its own.

The tool's server takes the place of the provider, and the tool takes the place of the model. Arguments and
results are content; they are not declared, so they are never decoded.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from ingest.formats.bifrost import log
from ingest.formats.completion.body import NULL, Body, ErrorObject, Milliseconds
from ingest.formats.completion.completion import microseconds
from ingest.formats.completion.cost import pico
from ingest.formats.envelope import text_labels
from ingest.formats.format import Fields, Format
from ingest.formats.json.column import JsonColumn
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.rejection import Refused

REQUEST_TYPE: Final = "mcp_tool"
PROVIDER: Final = "mcp"
_UNKNOWN: Final = "unknown"
_SCALARS: Final = (str, int, float, bool)


class ToolCallRow(Struct, gc=False):
    """The columns that are kept. A column of type `Raw` is JSON: an object in the API, text in the table."""

    id: str
    timestamp: float | str
    status: str
    tool_name: str
    server_label: str | None = None
    llm_request_id: str | None = None
    virtual_key_id: str | None = None
    virtual_key_name: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    customer_id: str | None = None
    business_unit_id: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    session_id: str | None = None
    latency: Milliseconds | None = None
    cost: Decimal | None = None
    error_details: Raw = NULL
    metadata: Raw = NULL
    updated_at: float | str | None = None


ERROR_DETAILS: Final = JsonColumn[Body]("error_details", Body)
METADATA: Final = JsonColumn[dict[str, Any]]("metadata", dict[str, Any])

_decode = msgspec.json.Decoder(ToolCallRow).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the columns of a row."""
    return "tool_name" in fields and "timestamp" in fields and "id" in fields and "model" not in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one tool call.

    Raises:
        Refused: the call has not ended, has an unknown status, or has no cost.
    """
    row = _decode(raw)
    status = log.status_of(row.status)
    cost = pico(row.cost, "cost")
    if not cost:
        raise Refused("no_cost", "the tool call has no cost: there is nothing to count", field="cost")
    failure = ERROR_DETAILS.read(row.error_details) or Body()
    metadata = METADATA.read(row.metadata) or {}
    labels = text_labels({name: value for name, value in metadata.items() if isinstance(value, _SCALARS)})
    from_labels = {name: (labels or {}).get(name) for name in ("project", "session", "agent", "workflow")}
    return UsageEvent(
        source=log.SOURCE,
        source_event_id=f"mcp:{row.id}" if row.id else None,
        parent_id=row.llm_request_id or None,
        source_updated_at=log.row_time(row.updated_at, "updated_at"),
        occurred_at=log.row_time(row.timestamp, "timestamp"),
        request_type=REQUEST_TYPE,
        provider=row.server_label or PROVIDER,
        model=row.tool_name or _UNKNOWN,
        status=status,
        error_type=failure.error.type if isinstance(failure.error, ErrorObject) else None,
        virtual_key=row.virtual_key_id or None,
        virtual_key_name=row.virtual_key_name or None,
        team=row.team_id or None,
        customer=row.customer_id or None,
        business_unit=row.business_unit_id or None,
        project=row.project_id or row.project_name or from_labels["project"],
        user=row.user_id or None,
        labels=labels,
        session=row.session_id or from_labels["session"],
        agent=from_labels["agent"],
        workflow=from_labels["workflow"],
        latency_us=microseconds(row.latency),
        reported=ReportedCost(tool=cost, total=cost),
    )


FORMAT: Final = Format(
    name="bifrost-mcp-log",
    title="a row of Bifrost's log of tool calls over MCP, where it has a cost",
    recognises=recognises,
    read=read,
)
