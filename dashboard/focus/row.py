"""A row of a FOCUS dataset of cost and usage. A column that a FOCUS version lacks is left out of the file.

Amounts are in the billing currency, and beside them in the pricing currency, in which the charge was priced.
Amounts are converted by the exchange rate of the row's day, as in chargeback statements.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.focus.decimals import MONEY_SCALE, PRICE_SCALE, decimal_of
from ingest.model.zone import date_of

_KEY_SIZE: Final = 16
_to_json: Final = msgspec.json.Encoder(order="deterministic").encode

Category = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]


class FocusRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A charge. `None` is null. Columns that hold JSON are already encoded as text."""

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
    draft_sku_price_details: str | None = None
    """The details with the keys that the draft of FOCUS 1.5 defines."""

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
    pricing_currency: str
    pricing_currency_effective_cost: Decimal
    pricing_currency_list_unit_price: Decimal | None = None
    pricing_currency_contracted_unit_price: Decimal | None = None
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


@lru_cache(maxsize=4_096)
def invoice_detail_id(
    invoice_id: str | None, account: str, sub_account: str | None, category: str
) -> str | None:
    """The line of an invoice that a row is part of; None if there is no invoice yet."""
    return invoice_id and row_key("invoice", invoice_id, account, sub_account, category)


def row_key(*parts: object) -> str:
    """A row's key: a digest of all parts that tell the row from others."""
    text = _to_json([None if part is None else str(part) for part in parts])
    return hashlib.blake2b(text, digest_size=_KEY_SIZE).hexdigest()


def compact_json(values: Mapping[str, Any]) -> str:
    """A flat JSON object with its keys in order."""
    return _to_json(values).decode()


class ReportingCurrency:
    """Converts amounts to the reporting currency. Amounts in a currency without a rate are not converted."""

    def __init__(self, currency: str, rates: Rates) -> None:
        self.currency = currency
        self._rates = rates

    def rate(self, currency: str, day: int) -> Fraction | None:
        """The worth of one unit in the reporting currency on a day; None if there is no rate."""
        if currency == self.currency:
            return Fraction(1)
        try:
            return self._rates.find(currency, self.currency, day).rate
        except NoRate:
            return None

    def columns(self, amount: Decimal, currency: str, day: int) -> dict[str, Any]:
        """The reporting columns of a row with this cost, in the pricing currency, on this day."""
        if currency == self.currency:
            return {"x_reporting_currency": currency, "x_reporting_cost": amount}
        rate = self.rate(currency, day)
        if rate is None:
            return {"x_reporting_currency": self.currency}
        return {
            "x_reporting_currency": self.currency,
            "x_reporting_cost": decimal_of(Fraction(amount) * rate, MONEY_SCALE),
            "x_fx_rate": decimal_of(rate, PRICE_SCALE),
            "x_fx_rate_date": date_of(self._rates.find(currency, self.currency, day).day).isoformat(),
        }
