"""The columns of each FOCUS version, in order: FOCUS' own by name, then `x_` columns by name."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

from dashboard.focus.decimals import DIGITS, MONEY_SCALE
from dashboard.focus.invoices import BillingPeriod, InvoiceDetail
from dashboard.focus.parse_request import DatasetName, Version
from dashboard.focus.row import FocusRow

Kind = Literal["text", "decimal", "instant", "json"]


Record = FocusRow | InvoiceDetail | BillingPeriod
"""A row of any dataset."""


class Column(NamedTuple):
    """A column, and the field of the row that it shows; without a field it is null."""

    name: str
    kind: Kind
    field: str | None
    is_nullable: bool = True
    meaning: str = ""
    """The description of an `x_` column, in the metadata."""


def _text(name: str, field: str, *, needed: bool = False) -> Column:
    return Column(name, "text", field, not needed)


def _number(name: str, field: str, *, needed: bool = False) -> Column:
    return Column(name, "decimal", field, not needed)


def _instant(name: str, field: str) -> Column:
    return Column(name, "instant", field, is_nullable=False)


def _null(name: str, kind: Kind = "text") -> Column:
    return Column(name, kind, None)


_SHARED: Final = (
    _number("BilledCost", "billed_cost", needed=True),
    _text("BillingAccountId", "billing_account_id", needed=True),
    _text("BillingAccountName", "billing_account_name"),
    _text("BillingAccountType", "billing_account_type", needed=True),
    _text("BillingCurrency", "billing_currency", needed=True),
    _instant("BillingPeriodEnd", "billing_period_end"),
    _instant("BillingPeriodStart", "billing_period_start"),
    _text("ChargeCategory", "charge_category", needed=True),
    _text("ChargeClass", "charge_class"),
    _text("ChargeDescription", "charge_description"),
    _text("ChargeFrequency", "charge_frequency", needed=True),
    _instant("ChargePeriodEnd", "charge_period_end"),
    _instant("ChargePeriodStart", "charge_period_start"),
    _number("ConsumedQuantity", "consumed_quantity"),
    _text("ConsumedUnit", "consumed_unit"),
    _number("ContractedCost", "contracted_cost", needed=True),
    _number("ContractedUnitPrice", "contracted_unit_price"),
    _number("EffectiveCost", "effective_cost", needed=True),
    _text("InvoiceId", "invoice_id"),
    _text("InvoiceIssuerName", "invoice_issuer_name", needed=True),
    _number("ListCost", "list_cost", needed=True),
    _number("ListUnitPrice", "list_unit_price"),
    _text("PricingCurrency", "pricing_currency", needed=True),
    _number("PricingCurrencyContractedUnitPrice", "pricing_currency_contracted_unit_price"),
    _number("PricingCurrencyEffectiveCost", "pricing_currency_effective_cost", needed=True),
    _number("PricingCurrencyListUnitPrice", "pricing_currency_list_unit_price"),
    _text("PricingCategory", "pricing_category"),
    _number("PricingQuantity", "pricing_quantity"),
    _text("PricingUnit", "pricing_unit"),
    _text("ServiceCategory", "service_category", needed=True),
    _text("ServiceName", "service_name", needed=True),
    _text("ServiceSubcategory", "service_subcategory"),
    _text("SkuId", "sku_id"),
    _text("SkuMeter", "sku_meter"),
    _text("SkuPriceId", "sku_price_id"),
    _text("SubAccountId", "sub_account_id"),
    _text("SubAccountName", "sub_account_name"),
    _text("SubAccountType", "sub_account_type"),
    Column("Tags", "json", "tags"),
)

_SINCE_1_4: Final = (
    Column("AllocatedMethodDetails", "json", "allocated_method_details"),
    _text("AllocatedMethodId", "allocated_method_id"),
    _text("AllocatedResourceId", "allocated_resource_id"),
    _text("AllocatedResourceName", "allocated_resource_name"),
    Column("AllocatedTags", "json", "allocated_tags"),
    _text("InvoiceDetailId", "invoice_detail_id"),
    _text("ServiceProviderName", "service_provider_name", needed=True),
)
_ONLY: Final[Mapping[Version, tuple[Column, ...]]] = {
    "1.5": (
        *_SINCE_1_4,
        _text("CredentialId", "x_virtual_key_id"),
        _text("HostProviderName", "host_provider_name", needed=True),
        Column("SkuPriceDetails", "json", "draft_sku_price_details"),
    ),
    "1.4": (
        *_SINCE_1_4,
        _text("HostProviderName", "host_provider_name"),
        Column("SkuPriceDetails", "json", "sku_price_details"),
    ),
    "1.2": (
        Column("SkuPriceDetails", "json", "sku_price_details"),
        _text("ProviderName", "service_provider_name", needed=True),
        _text("PublisherName", "host_provider_name", needed=True),
        # Programs that read 1.2 expect these columns; the ledger has nothing for them.
        _null("AvailabilityZone"),
        _null("CapacityReservationId"),
        _null("CapacityReservationStatus"),
        _null("CommitmentDiscountCategory"),
        _null("CommitmentDiscountId"),
        _null("CommitmentDiscountName"),
        _null("CommitmentDiscountQuantity", "decimal"),
        _null("CommitmentDiscountStatus"),
        _null("CommitmentDiscountType"),
        _null("CommitmentDiscountUnit"),
        _null("RegionId"),
        _null("RegionName"),
        _null("ResourceId"),
        _null("ResourceName"),
        _null("ResourceType"),
    ),
}

_OWN: Final = (
    ("x_ChargeDay", "x_charge_day", "The day of the charge in the zone of the export."),
    ("x_CostCenterId", "x_cost_center_id", "The cost centre of the team on that day."),
    ("x_CostCenterName", "x_cost_center_name", "Its name."),
    ("x_CostSource", "x_cost_source", "Whether the cost was computed from prices or reported by the source."),
    ("x_CustomerId", "x_customer_id", "The customer on that day."),
    ("x_CustomerName", "x_customer_name", "Its name."),
    ("x_FxRate", "x_fx_rate", "What one unit of the pricing currency is worth in the reporting currency."),
    ("x_FxRateDate", "x_fx_rate_date", "The day that the rate was quoted for."),
    ("x_GlCode", "x_gl_code", "The general ledger code of the cost centre."),
    ("x_Model", "x_model", "The model that was billed."),
    ("x_OwnerShare", "x_owner_share", "The part of shared calls that is this owner's; null for all of it."),
    ("x_PriceOrigin", "x_price_origin", "Where the prices are from."),
    ("x_PriceVersion", "x_price_version", "The digest of the prices of the calls."),
    ("x_Provider", "x_provider", "The provider as calls name it."),
    (
        "x_ReportingCost",
        "x_reporting_cost",
        "The effective cost in the reporting currency, by the rate of the day.",
    ),
    ("x_ReportingCurrency", "x_reporting_currency", "The reporting currency."),
    ("x_RequestCount", "x_request_count", "Calls, each counted on one of its rows."),
    ("x_RowKey", "x_row_key", "Known by no other row, and the same in every export of the same charge."),
    ("x_ServiceTier", "x_service_tier", "The service tier."),
    ("x_TeamId", "x_team_id", "The team on that day."),
    ("x_TeamName", "x_team_name", "Its name."),
    ("x_VirtualKeyId", "x_virtual_key_id", "The id of the virtual key, never the key."),
    ("x_VirtualKeyName", "x_virtual_key_name", "Its name."),
)

_NUMBERS: Final = ("x_fx_rate", "x_reporting_cost", "x_request_count")


_INVOICE_DETAIL: Final = (
    _number("BilledCost", "billed_cost", needed=True),
    _text("BillingAccountId", "billing_account_id", needed=True),
    _text("BillingCurrency", "billing_currency", needed=True),
    _instant("BillingPeriodEnd", "billing_period_end"),
    _instant("BillingPeriodStart", "billing_period_start"),
    _text("ChargeCategory", "charge_category", needed=True),
    _instant("InvoiceDetailCreated", "issued_at"),
    _text("InvoiceDetailDescription", "description"),
    Column("InvoiceDetailGrain", "json", "grain"),
    _text("InvoiceDetailId", "invoice_detail_id", needed=True),
    _instant("InvoiceDetailLastUpdated", "issued_at"),
    _text("InvoiceId", "invoice_id", needed=True),
    _instant("InvoiceIssueDate", "issued_at"),
    _text("InvoiceIssueStatus", "status", needed=True),
    _text("InvoiceIssuerName", "issuer", needed=True),
    _null("PaymentDueDate", "instant"),
    _text("PaymentTerms", "payment_terms", needed=True),
    _text("ReferenceInvoiceId", "reference_invoice_id", needed=True),
)
_BILLING_PERIOD: Final = (
    _instant("BillingPeriodCreated", "created"),
    _instant("BillingPeriodEnd", "end"),
    _instant("BillingPeriodLastUpdated", "updated"),
    _instant("BillingPeriodStart", "start"),
    _text("BillingPeriodStatus", "status", needed=True),
    _text("InvoiceIssuerName", "issuer", needed=True),
)


@cache
def columns(version: Version, dataset: DatasetName = "cost_and_usage") -> tuple[Column, ...]:
    """The columns of a dataset in a FOCUS version."""
    if dataset != "cost_and_usage":
        return _INVOICE_DETAIL if dataset == "invoice_detail" else _BILLING_PERIOD
    own = [
        Column(name, "decimal" if field in _NUMBERS else "text", field, True, meaning)
        for name, field, meaning in _OWN
    ]
    focus = sorted((*_SHARED, *_ONLY[version]), key=lambda column: column.name)
    return (*focus, *sorted(own, key=lambda column: column.name))


def values_getter(selected: Sequence[Column]) -> Callable[[Record], tuple[Any, ...]]:
    """A function that returns a row's values of the selected columns that have a field."""
    return attrgetter(*(column.field for column in selected if column.field))


PRECISION: Final = DIGITS
NUMBER_SCALE: Final = MONEY_SCALE
"""The precision and scale of every number in Parquet."""
