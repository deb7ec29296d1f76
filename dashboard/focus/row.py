"""A row of a FOCUS dataset of cost and usage, in FOCUS' own words. A column that a version lacks is left out when written."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

_KEY_SIZE: Final = 16
_to_json: Final = msgspec.json.Encoder(order="deterministic").encode

Category = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One charge. `None` is null. JSON is text that is finished."""

    billing_account_id: str
    billing_account_name: str | None = None
    billing_account_type: str
    sub_account_id: str | None = None
    sub_account_name: str | None = None
    sub_account_type: str | None = None
    service_provider_name: str
    host_provider_name: str | None = None
    invoice_issuer_name: str
    invoice_id: str | None = None
    invoice_detail_id: str | None = None

    billing_period_start: datetime
    billing_period_end: datetime
    charge_period_start: datetime
    charge_period_end: datetime

    charge_category: Category
    charge_class: Literal["Correction"] | None = None
    charge_frequency: Literal["One-Time", "Recurring", "Usage-Based"] = "Usage-Based"
    charge_description: str | None = None

    service_category: str = "AI and Machine Learning"
    service_subcategory: str = "Generative AI"
    service_name: str
    sku_id: str | None = None
    sku_meter: str | None = None
    sku_price_id: str | None = None
    sku_price_details: str | None = None

    billing_currency: str
    billed_cost: Decimal
    effective_cost: Decimal
    list_cost: Decimal
    contracted_cost: Decimal
    list_unit_price: Decimal | None = None
    contracted_unit_price: Decimal | None = None
    pricing_category: Literal["Standard", "Dynamic", "Committed", "Other"] | None = None
    pricing_quantity: Decimal | None = None
    pricing_unit: str | None = None
    consumed_quantity: Decimal | None = None
    consumed_unit: str | None = None

    allocated_method_id: str | None = None
    allocated_method_details: str | None = None
    allocated_resource_id: str | None = None
    allocated_resource_name: str | None = None
    allocated_tags: str | None = None
    tags: str | None = None

    x_row_key: str
    x_charge_day: str
    x_cost_source: str | None = None
    x_provider: str | None = None
    x_model: str | None = None
    x_service_tier: str | None = None
    x_price_version: str | None = None
    x_price_origin: str | None = None
    x_request_count: Decimal | None = None
    x_reporting_currency: str | None = None
    x_reporting_cost: Decimal | None = None
    x_fx_rate: Decimal | None = None
    x_fx_rate_date: str | None = None
    x_virtual_key_id: str | None = None
    x_virtual_key_name: str | None = None
    x_team_id: str | None = None
    x_team_name: str | None = None
    x_customer_id: str | None = None
    x_customer_name: str | None = None
    x_cost_center_id: str | None = None
    x_cost_center_name: str | None = None
    x_gl_code: str | None = None
    x_owner_share: str | None = None


def row_key(*parts: object) -> str:
    """A key made of everything that tells a row from others."""
    text = _to_json([None if part is None else str(part) for part in parts])
    return hashlib.blake2b(text, digest_size=_KEY_SIZE).hexdigest()


def compact(found: Mapping[str, Any]) -> str:
    """A flat JSON object, its keys in order."""
    return _to_json(found).decode()
