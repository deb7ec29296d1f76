"""What stands beside the rows: the schema, and which days are complete, in FOCUS' words."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from dashboard.focus.columns import NUMBER_SCALE, PRECISION, Column, columns
from dashboard.focus.completeness import Sector
from dashboard.focus.csv_text import utc
from dashboard.focus.parse_request import Order, Version
from dashboard.focus.row import row_key
from ingest.model.zone import instant

_TYPES: Final = {"decimal": "Decimal", "instant": "Date/Time", "json": "JSON", "text": "String"}


def described(
    order: Order, version: Version, sectors: Sequence[Sector], unpriced: int, now: datetime
) -> dict[str, Any]:
    """The metadata of an export that is made now."""
    span = order.span
    instance = row_key(order.profile, order.issuer, version, span.first_day, span.end_day, span.zone.name)
    name = f"Tallybook {order.profile} {_date(order, order.span.first_day)} to {_date(order, order.span.end_day)}"
    return {
        "DataGenerator": {"DataGenerator": "Tallybook"},
        "Schema": {
            "SchemaId": _schema_id(version),
            "FocusVersion": version,
            "CreationDate": utc(now.replace(microsecond=0)),
            "DatasetInstanceId": instance,
            "ColumnDefinition": [_column(one) for one in columns(version)],
        },
        "DatasetInstance": {
            "DatasetInstanceId": instance,
            "DatasetInstanceName": name,
            "FocusDatasetId": "CostAndUsage",
        },
        "Recency": _recency(instance, sectors, now),
        "x_Profile": order.profile,
        "x_TimeZone": order.span.zone.name,
        "x_UnpricedRequests": unpriced,
    }


def written(described: dict[str, Any]) -> str:
    """Metadata as a file."""
    return json.dumps(described, ensure_ascii=False, indent=2) + "\n"


def _recency(instance: str, sectors: Sequence[Sector], now: datetime) -> dict[str, Any]:
    updated = utc(now.replace(microsecond=0))
    return {
        "DatasetInstanceId": instance,
        "DatasetInstanceLastUpdated": updated,
        "DatasetInstanceComplete": all(one.is_complete for one in sectors),
        "TimeSectors": [
            {
                "TimeSectorStart": utc(instant(one.day.start)),
                "TimeSectorEnd": utc(instant(one.day.end)),
                "TimeSectorLastUpdated": updated,
                "TimeSectorComplete": one.is_complete,
            }
            for one in sectors
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"ColumnName": column.name, "DataType": _TYPES[column.kind]}
    if column.kind == "decimal":
        found |= {"NumericPrecision": PRECISION, "NumberScale": NUMBER_SCALE}
    elif column.kind != "instant":
        found["StringEncoding"] = "UTF-8"
    if column.meaning:
        found["x_Description"] = column.meaning
    return found


def _schema_id(version: Version) -> str:
    """Another one wherever a column comes, goes or changes its type."""
    held = [(column.name, column.kind) for column in columns(version)]
    return hashlib.blake2b(
        json.dumps([version, PRECISION, NUMBER_SCALE, held]).encode(), digest_size=16
    ).hexdigest()


def _date(order: Order, day: int) -> str:
    return order.span.day(day).date.isoformat()
