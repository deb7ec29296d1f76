"""The metadata of an export in the terms of FOCUS: its schema, and which days are complete."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from dashboard.focus.columns import NUMBER_SCALE, PRECISION, Column, columns
from dashboard.focus.completeness import TimeSector
from dashboard.focus.csv_text import utc
from dashboard.focus.parse_request import DRAFTS, DatasetName, ExportScope, Version
from dashboard.focus.row import row_key
from dashboard.focus.unpriced import UnpricedCalls
from ingest.model.zone import instant

_IDS: Final = {
    "cost_and_usage": "CostAndUsage",
    "invoice_detail": "InvoiceDetail",
    "billing_period": "BillingPeriod",
}
_TYPES: Final = {"decimal": "Decimal", "instant": "Date/Time", "json": "JSON", "text": "String"}


def make_metadata(
    scope: ExportScope,
    version: Version,
    time_sectors: Sequence[TimeSector],
    unpriced: UnpricedCalls,
    now: datetime,
) -> dict[str, Any]:
    """The metadata of an export made at `now`."""
    span = scope.span
    other = () if scope.dataset == "cost_and_usage" else (scope.dataset,)
    instance = row_key(
        *other, scope.profile, scope.issuer, version, span.first_day, span.end_day, span.zone.name
    )
    first, end = _date(scope, span.first_day), _date(scope, span.end_day)
    name = f"Tallybook {scope.profile} {first} to {end}"
    return {
        "DataGenerator": {"DataGenerator": "Tallybook"},
        "Schema": {
            "SchemaId": _schema_id(version, scope.dataset),
            "FocusVersion": version,
            "CreationDate": utc(now.replace(microsecond=0)),
            "DatasetInstanceId": instance,
            "ColumnDefinition": [_column(column) for column in columns(version, scope.dataset)],
        },
        "DatasetInstance": {
            "DatasetInstanceId": instance,
            "DatasetInstanceName": name,
            "FocusDatasetId": _IDS[scope.dataset],
        },
        "Recency": _recency(instance, time_sectors, now),
        "x_Profile": scope.profile,
        "x_TimeZone": scope.span.zone.name,
        "x_UnpricedRequests": unpriced.calls,
        "x_UnconvertedRequests": unpriced.unconverted,
        "x_Draft": version in DRAFTS,
    }


def metadata_json(make_metadata: dict[str, Any]) -> str:
    """Metadata as the text of a file."""
    return json.dumps(make_metadata, ensure_ascii=False, indent=2) + "\n"


def _recency(instance: str, time_sectors: Sequence[TimeSector], now: datetime) -> dict[str, Any]:
    updated = utc(now.replace(microsecond=0))
    return {
        "DatasetInstanceId": instance,
        "DatasetInstanceLastUpdated": updated,
        "DatasetInstanceComplete": all(sector.is_complete for sector in time_sectors),
        "TimeSectors": [
            {
                "TimeSectorStart": utc(instant(sector.day.start)),
                "TimeSectorEnd": utc(instant(sector.day.end)),
                "TimeSectorLastUpdated": updated,
                "TimeSectorComplete": sector.is_complete,
            }
            for sector in time_sectors
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    definition: dict[str, Any] = {"ColumnName": column.name, "DataType": _TYPES[column.kind]}
    if column.kind == "decimal":
        definition |= {"NumericPrecision": PRECISION, "NumberScale": NUMBER_SCALE}
    elif column.kind != "instant":
        definition["StringEncoding"] = "UTF-8"
    if column.meaning:
        definition["x_Description"] = column.meaning
    return definition


def _schema_id(version: Version, dataset: DatasetName) -> str:
    """The id of the schema, which changes if a column is added, removed or changes its type."""
    types = [(column.name, column.kind) for column in columns(version, dataset)]
    return hashlib.blake2b(
        json.dumps([version, PRECISION, NUMBER_SCALE, types]).encode(), digest_size=16
    ).hexdigest()


def _date(scope: ExportScope, day: int) -> str:
    return scope.span.day(day).date.isoformat()
