"""The rows of calls: one row for each charge line of a group of calls and each of the group's owners."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Final

from dashboard.focus.arrivals import EVERYTHING, Arrivals
from dashboard.focus.attribution import Attributions, OwnerShare
from dashboard.focus.charge_groups import ChargeGroup, ChargeGroups
from dashboard.focus.charge_lines import ChargeLine, contracted_lines
from dashboard.focus.decimals import (
    MONEY_SCALE,
    ONE,
    QUANTITY_SCALE,
    ZERO,
    decimal_of,
    of_pico,
    plus,
    product,
    split,
)
from dashboard.focus.export_period import Day
from dashboard.focus.invoice_parties import parties
from dashboard.focus.meters import METERS, REQUESTS, TOKENS, UNITS
from dashboard.focus.parse_request import ExportScope
from dashboard.focus.row import FocusRow, ReportingCurrency, compact_json, invoice_detail_id, row_key
from dashboard.focus.sku_prices import UnitPrices
from dashboard.focus.unpriced import NO_PRICE, UnpricedCalls
from ingest.model.ownership import Owner
from ingest.model.zone import instant


@dataclass(frozen=True)
class UsageRows:
    """Makes the rows of calls, and adds up their costs by owner."""

    scope: ExportScope
    charge_groups: ChargeGroups
    reporting: ReportingCurrency
    unpriced: UnpricedCalls
    cost_by_owner: dict[Owner, Decimal] = field(default_factory=dict)
    """The total of the rows by owner, in the reporting currency."""
    invoice_id: str | None = None
    arrivals: Arrivals = EVERYTHING
    """The calls of the rows: those that a closed month's statement knows, or late calls."""
    booked_in: Day | None = None
    """For late calls of a closed month: the first day of the month in which they are booked."""

    def rows(self, day: Day) -> Iterator[FocusRow]:
        """The rows of a day. Calls without a price have no row and are counted in `unpriced`."""
        for group, lines in self.charge_groups.lines(day, self.billable_groups(day), self.arrivals):
            yield from self._of_group(day, group, lines)

    def billable_groups(self, day: Day) -> Iterator[ChargeGroup]:
        """The day's groups with a price in the billing currency; other calls are counted in `unpriced`."""
        for group in self.charge_groups.groups(day, self.arrivals):
            currency = group.identity.currency
            if group.identity.cost_source == "unpriced":
                self.unpriced.add(group, self.charge_groups.attributions, NO_PRICE)
            elif self._rate(currency, day) is None:
                reason = f"no exchange rate from {currency} to {self.reporting.currency}"
                self.unpriced.add(group, self.charge_groups.attributions, reason)
            else:
                yield group

    def _rate(self, currency: str, day: Day) -> Fraction | None:
        """The worth of one unit in the billing currency; None if there is no exchange rate."""
        return Fraction(1) if self.scope.profile == "provider" else self.reporting.rate(currency, day.number)

    def _of_group(self, day: Day, group: ChargeGroup, lines: list[ChargeLine]) -> Iterator[FocusRow]:
        rate = self._rate(group.identity.currency, day)
        assert rate is not None, "billable groups can be converted"
        if self.scope.profile == "provider" and group.identity.cost_source == "computed":
            lines = contracted_lines(
                lines, group.prices, group.sums["contracted_total"], group.sums["requests"]
            )
        attributions, owners = self.charge_groups.attributions, group.identity.owners
        shares = [owner.share for owner in owners]
        reporting = self.reporting.currency
        by_owner = [
            _owner_columns(self.scope, day, group, owner, attributions, reporting) for owner in owners
        ]
        for at, line in enumerate(lines):
            calls = split(Decimal(group.sums["requests"] if at == 0 else 0), QUANTITY_SCALE, shares)
            line_columns = _line_columns(group, line)
            parts = _amounts(line, shares, rate)
            for owner, owner_columns, amounts, counted in zip(owners, by_owner, parts, calls, strict=True):
                priced = amounts["pricing_currency_effective_cost"]
                row = FocusRow(
                    **owner_columns,
                    **self._billing(day),
                    **line_columns,
                    **amounts,
                    **self.reporting.columns(priced, group.identity.currency, day.number),
                    billed_cost=amounts["effective_cost"] if self.scope.is_billed else ZERO,
                    invoice_id=self.invoice_id,
                    invoice_detail_id=invoice_detail_id(
                        self.invoice_id,
                        owner_columns["billing_account_id"],
                        owner_columns.get("sub_account_id"),
                        "Usage",
                    ),
                    x_request_count=counted,
                    x_row_key=_key(
                        owner_columns, line_columns, owners, attributions, group, *self._late_key()
                    ),
                )
                yield self._add_up(owner, row)

    def _billing(self, day: Day) -> dict[str, Any]:
        """The billing period, and whether the rows correct a closed month."""
        billed = self.booked_in or day
        return {
            "billing_period_start": billed.period_start,
            "billing_period_end": billed.period_end,
            "charge_class": "Correction" if self.booked_in else None,
        }

    def _late_key(self) -> tuple[str, ...]:
        return ("late", self.booked_in.date.isoformat()) if self.booked_in else ()

    def _add_up(self, owner: OwnerShare, row: FocusRow) -> FocusRow:
        """The row, after its cost is added to its owner's total."""
        if row.x_reporting_cost is not None:
            owner_key = Owner(*owner[:3])
            self.cost_by_owner[owner_key] = plus(
                self.cost_by_owner.get(owner_key, ZERO), row.x_reporting_cost
            )
        return row


def _owner_columns(
    scope: ExportScope,
    day: Day,
    group: ChargeGroup,
    owner: OwnerShare,
    attributions: Attributions,
    reporting: str,
) -> dict[str, Any]:
    """The columns that are the same on all lines of a group, for one of its owners."""
    identity = group.identity
    team, customer, center = (
        attributions.entry(entry_id) for entry_id in (owner.team_id, owner.customer_id, owner.cost_center_id)
    )
    key = attributions.entry(identity.dimensions.virtual_key_id)
    prices = group.prices
    billing = identity.currency if scope.profile == "provider" else reporting
    return parties(scope, group.provider, team, center) | {
        "charge_period_start": instant(day.start),
        "charge_period_end": instant(day.end),
        "charge_category": "Usage",
        "billing_currency": billing,
        "pricing_currency": identity.currency,
        "tags": _tags(group, owner, attributions),
        "x_charge_day": day.date.isoformat(),
        "x_cost_source": identity.cost_source,
        "x_provider": group.provider,
        "x_model": group.model,
        "x_service_tier": (prices.service_tier if prices else identity.tier) or "standard",
        "x_price_version": prices.digest if prices else None,
        "x_price_origin": prices.origin if prices else None,
        "x_virtual_key_id": key.ident if key else None,
        "x_virtual_key_name": key.name if key else None,
        "x_team_id": team.ident if team else None,
        "x_team_name": team.name if team else None,
        "x_customer_id": customer.ident if customer else None,
        "x_customer_name": customer.name if customer else None,
        "x_cost_center_id": center.ident if center else None,
        "x_cost_center_name": center.name if center else None,
        "x_gl_code": center.gl_code if center else None,
        "x_owner_share": _share(owner.share),
    }


def _tags(group: ChargeGroup, owner: OwnerShare, attributions: Attributions) -> str | None:
    dimensions = group.identity.dimensions
    entries = {"team": owner.team_id, "customer": owner.customer_id}
    tags = {name: entry.name for name, entry_id in entries.items() if (entry := attributions.entry(entry_id))}
    if center := attributions.entry(owner.cost_center_id):
        tags["cost_center"] = center.ident
    terms = {
        "project": dimensions.project_id,
        "environment": dimensions.environment_id,
        "application": dimensions.application_id,
    }
    tags |= {
        name: text for name, term_id in terms.items() if (text := attributions.text(term_id)) is not None
    }
    return compact_json(tags) if tags else None


def _line_columns(group: ChargeGroup, line: ChargeLine) -> dict[str, Any]:
    """The columns that describe the line: its SKU and its price."""
    kind, sku_price = METERS[line.meter], line.sku_price
    sku = f"{group.provider}/{group.model}/{kind.sku}"
    is_reported = group.identity.cost_source == "reported"
    tier = (group.prices.service_tier or "standard") if is_reported and group.prices else group.identity.tier
    booked = "reported" if is_reported else "booked"
    details = _details(group, line)
    point = sku_price.price_point if sku_price else "/".join(filter(None, (tier, booked)))
    return {
        "charge_description": _description(group, line),
        "sku_id": sku,
        "sku_meter": kind.name,
        "sku_price_id": f"{sku}/{point}",
        "sku_price_details": compact_json(details),
        "draft_sku_price_details": compact_json(
            {_DRAFT_KEYS.get(name, name): value for name, value in details.items()}
        ),
        "pricing_category": "Standard" if sku_price else "Other",
    }


def _description(group: ChargeGroup, line: ChargeLine) -> str:
    sku_price = line.sku_price
    tier = group.prices.service_tier if group.prices else group.identity.tier
    is_beside = sku_price is None and group.prices is not None and group.identity.cost_source == "computed"
    notes = [
        *([tier] if tier not in ("", "standard") else []),
        *([f"above {sku_price.above:,} in a call"] if sku_price and sku_price.above else []),
        *(
            [f"calls above {group.prices.above_input_tokens:,} input tokens"]
            if sku_price and group.prices and group.prices.above_input_tokens
            else []
        ),
        *(["cache look-up"] if group.identity.cache_hit or is_beside else []),
    ]
    text = f"{group.model} {METERS[line.meter].description}"
    return f"{text} ({', '.join(notes)})" if notes else text


_DRAFT_KEYS: Final = {
    "x_ModelId": "ModelId",
    "x_TokenDirection": "TokenDirection",
    "x_TokenCacheAction": "TokenCacheAction",
}
"""The details that FOCUS 1.5 defines, by the names that they have before."""


def _details(group: ChargeGroup, line: ChargeLine) -> dict[str, Any]:
    kind, sku_price = METERS[line.meter], line.sku_price
    details: dict[str, Any] = {
        "x_ModelId": group.model,
        "x_TokenDirection": kind.direction,
        "x_TokenCacheAction": kind.cache if sku_price else None,
        "x_TokenKind": line.meter,
    }
    if sku_price is not None:
        details["x_ServiceTier"] = sku_price.prices.service_tier or "standard"
        details["x_AboveInputTokens"] = sku_price.prices.above_input_tokens or None
        details["x_MarginalAbove"] = sku_price.above or None
        details["x_ChargedAs"] = sku_price.charged_as if sku_price.charged_as != line.meter else None
    return {name: value for name, value in details.items() if value is not None}


def _amounts(line: ChargeLine, shares: list[Fraction], rate: Fraction) -> list[dict[str, Any]]:
    """The quantities and costs of each owner's part. The parts add up to the line, and each cost is exact.

    `rate` is the worth of one unit of the pricing currency in the billing currency.
    """
    costs = split(of_pico(line.cost), MONEY_SCALE, shares)
    parts = _parts_at_amount if line.sku_price is None else _parts_at_price
    return [
        {"pricing_currency_effective_cost": cost, "effective_cost": effective, **columns}
        for cost, effective, columns in parts(line, shares, costs, rate)
    ]


Parts = Iterator[tuple[Decimal, Decimal, dict[str, Any]]]
"""For each owner: the cost in the pricing currency and in the billing currency, and more columns."""


def _parts_at_amount(line: ChargeLine, shares: list[Fraction], costs: list[Decimal], rate: Fraction) -> Parts:
    """The parts of a line without a SKU price: units of the billing currency at the price of 1."""
    unit = TOKENS if line.is_tokens else REQUESTS
    consumed = split(Decimal(line.counted), QUANTITY_SCALE, shares)
    for cost, quantity in zip(costs, consumed, strict=True):
        effective = _converted(cost, rate)
        yield cost, effective, _quantity(UnitPrices(ONE, ONE), effective, UNITS, quantity, unit)


def _parts_at_price(line: ChargeLine, shares: list[Fraction], costs: list[Decimal], rate: Fraction) -> Parts:
    """The parts of a line at its SKU price."""
    sku_price = line.sku_price
    assert sku_price is not None
    prices, kind = sku_price.converted(rate), sku_price.kind
    billed = decimal_of(Fraction(line.billed, sku_price.block), prices.scale)
    counted = decimal_of(Fraction(line.counted, kind.per), QUANTITY_SCALE)
    # As many decimals for the counted quantity as the priced quantity has, so that both are split alike.
    counted_scale = prices.scale - 6 if kind.unit == TOKENS else QUANTITY_SCALE
    consumed = split(counted, counted_scale, shares)
    own_prices = {
        "pricing_currency_list_unit_price": sku_price.own.listed,
        "pricing_currency_contracted_unit_price": sku_price.own.contracted,
    }
    for cost, quantity, used in zip(costs, split(billed, prices.scale, shares), consumed, strict=True):
        columns = _quantity(prices, quantity, sku_price.unit, used, kind.unit)
        yield cost, _converted(cost, rate), columns | own_prices


def _converted(cost: Decimal, rate: Fraction) -> Decimal:
    return cost if rate == 1 else decimal_of(Fraction(cost) * rate, MONEY_SCALE)


def _quantity(
    prices: UnitPrices, quantity: Decimal, unit: str, consumed: Decimal, consumed_unit: str
) -> dict[str, Any]:
    return {
        "list_cost": product(prices.listed, quantity),
        "contracted_cost": product(prices.contracted, quantity),
        "list_unit_price": prices.listed,
        "contracted_unit_price": prices.contracted,
        "pricing_quantity": quantity,
        "pricing_unit": unit,
        "consumed_quantity": consumed,
        "consumed_unit": consumed_unit,
    }


def _key(
    owner_columns: Mapping[str, Any],
    line_columns: Mapping[str, Any],
    owners: tuple[OwnerShare, ...],
    attributions: Attributions,
    group: ChargeGroup,
    *late: str,
) -> str:
    """The row's key: the same for the same charge in every export. `late` tells rows of late calls."""
    identity = group.identity
    parts = (
        owner_columns["service_provider_name"],
        owner_columns["invoice_issuer_name"],
        owner_columns["x_charge_day"],
        owner_columns["charge_period_start"],
        identity.currency,
        identity.provider,
        identity.model,
        identity.cost_source,
        identity.cache_hit,
        line_columns["sku_price_id"],
        owner_columns["x_price_version"],
        owner_columns["x_virtual_key_id"],
        *(attributions.text(term_id) for term_id in identity.dimensions[1:]),
        owner_columns["x_team_id"],
        owner_columns["x_customer_id"],
        owner_columns["x_cost_center_id"],
        *(_owner_text(owner, attributions) for owner in owners),
        *late,
    )
    return row_key(*parts)


def _owner_text(owner: OwnerShare, attributions: Attributions) -> str:
    entries = (attributions.entry(entry_id) for entry_id in owner[:3])
    return "/".join([*(entry.ident if entry else "" for entry in entries), str(owner.share)])


@cache
def _share(share: Fraction) -> str | None:
    """The owner's share of the calls as text; None for all of them."""
    return None if share == 1 else f"{share.numerator} of {share.denominator}"
