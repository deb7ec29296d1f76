"""The rows of calls: each line of each group of calls, once for each of its owners."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from dashboard.focus.attribution import Holders, Owner
from dashboard.focus.charge_groups import Group, Reading
from dashboard.focus.charge_lines import Line, contracted
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
from dashboard.focus.parse_request import Order
from dashboard.focus.row import Reporting, Row, compact, row_key
from dashboard.focus.sku_prices import Offer
from dashboard.focus.unpriced import Unpriced
from ingest.model.ownership import Owner as Payer
from ingest.model.zone import instant


@dataclass(frozen=True)
class Usage:
    """Makes the rows of calls, and counts what they come to."""

    order: Order
    reading: Reading
    reporting: Reporting
    unpriced: Unpriced
    used: dict[Payer, Decimal] = field(default_factory=dict)
    """What the rows come to by owner, in the reporting currency."""
    invoice_id: str | None = None
    until: int | None = None
    """The last call that is in a closed month's statement."""

    def rows(self, day: Day) -> Iterator[Row]:
        """The rows of a day. Calls without a price are in none, and counted apart."""
        groups = self.reading.groups(day, self.until)
        for group in groups:
            if group.identity.cost_source == "unpriced":
                self.unpriced.add(group, self.reading.holders)
        priced = (group for group in groups if group.identity.cost_source != "unpriced")
        for group, found in self.reading.lines(day, priced, self.until):
            yield from self._of_group(day, group, found)

    def _of_group(self, day: Day, group: Group, found: list[Line]) -> Iterator[Row]:
        if self.order.profile == "provider":
            found = contracted(found, group.prices, group.sums["contracted_total"], group.sums["requests"])
        holders, owners = self.reading.holders, group.identity.owners
        shares = [owner.share for owner in owners]
        shared = [_of_owner(self.order, day, group, owner, holders) for owner in owners]
        for at, line in enumerate(found):
            calls = split(Decimal(group.sums["requests"] if at == 0 else 0), QUANTITY_SCALE, shares)
            about = _about(group, line)
            parts = _amounts(line, shares)
            for owner, base, amounts, counted in zip(owners, shared, parts, calls, strict=True):
                effective = amounts["effective_cost"]
                row = Row(
                    **base,
                    **about,
                    **amounts,
                    **self.reporting.columns(effective, group.identity.currency, day.number),
                    billed_cost=effective if self.order.is_billed else ZERO,
                    invoice_id=self.invoice_id,
                    x_request_count=counted,
                    x_row_key=_key(base, about, owners, holders, group),
                )
                yield self._count(owner, row)

    def _count(self, owner: Owner, row: Row) -> Row:
        """The row, counted in."""
        if row.x_reporting_cost is not None:
            payer = Payer(*owner[:3])
            self.used[payer] = plus(self.used.get(payer, ZERO), row.x_reporting_cost)
        return row


def _of_owner(order: Order, day: Day, group: Group, owner: Owner, holders: Holders) -> dict[str, Any]:
    """The columns that do not depend on the line."""
    identity = group.identity
    team, customer, center = (
        holders.person(one) for one in (owner.team_id, owner.customer_id, owner.cost_center_id)
    )
    key = holders.person(identity.who.virtual_key_id)
    prices = group.prices
    return parties(order, group.provider, team, center) | {
        "billing_period_start": day.period_start,
        "billing_period_end": day.period_end,
        "charge_period_start": instant(day.start),
        "charge_period_end": instant(day.end),
        "charge_category": "Usage",
        "billing_currency": identity.currency,
        "tags": _tags(group, owner, holders),
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


def _tags(group: Group, owner: Owner, holders: Holders) -> str | None:
    who = group.identity.who
    people = {"team": owner.team_id, "customer": owner.customer_id}
    found = {name: one.name for name, number in people.items() if (one := holders.person(number))}
    if center := holders.person(owner.cost_center_id):
        found["cost_center"] = center.ident
    places = {"project": who.project_id, "environment": who.environment_id, "application": who.application_id}
    found |= {name: text for name, number in places.items() if (text := holders.text(number)) is not None}
    return compact(found) if found else None


def _about(group: Group, line: Line) -> dict[str, Any]:
    """The columns that say what the line is for."""
    kind, offer = METERS[line.meter], line.offer
    sku = f"{group.provider}/{group.model}/{kind.sku}"
    booked = "reported" if group.identity.cost_source == "reported" else "booked"
    point = offer.price_point if offer else "/".join(filter(None, (group.identity.tier, booked)))
    return {
        "charge_description": _description(group, line),
        "sku_id": sku,
        "sku_meter": kind.name,
        "sku_price_id": f"{sku}/{point}",
        "sku_price_details": _details(group, line),
        "pricing_category": "Standard" if offer else "Other",
    }


def _description(group: Group, line: Line) -> str:
    offer = line.offer
    tier = group.prices.service_tier if group.prices else group.identity.tier
    notes = [
        *([tier] if tier not in ("", "standard") else []),
        *([f"above {offer.above:,} in a call"] if offer and offer.above else []),
        *(
            [f"calls above {group.prices.above_input_tokens:,} input tokens"]
            if offer and group.prices and group.prices.above_input_tokens
            else []
        ),
        *(["cache look-up"] if group.identity.cache_hit or (offer is None and group.prices) else []),
    ]
    text = f"{group.model} {METERS[line.meter].words}"
    return f"{text} ({', '.join(notes)})" if notes else text


def _details(group: Group, line: Line) -> str:
    kind, offer = METERS[line.meter], line.offer
    found: dict[str, Any] = {
        "x_ModelId": group.model,
        "x_TokenDirection": kind.direction,
        "x_TokenCacheAction": kind.cache if offer else None,
        "x_TokenKind": line.meter,
    }
    if offer is not None:
        found["x_ServiceTier"] = offer.prices.service_tier or "standard"
        found["x_AboveInputTokens"] = offer.prices.above_input_tokens or None
        found["x_MarginalAbove"] = offer.above or None
        found["x_ChargedAs"] = offer.charged_as if offer.charged_as != line.meter else None
    return compact({name: value for name, value in found.items() if value is not None})


def _amounts(line: Line, shares: list[Fraction]) -> list[dict[str, Any]]:
    """Quantities and money of each owner's part; the parts add up to the line, and each part's products are exact."""
    effective = split(of_pico(line.cost), MONEY_SCALE, shares)
    if line.offer is None:
        unit = TOKENS if line.is_tokens else REQUESTS
        consumed = split(Decimal(line.counted), QUANTITY_SCALE, shares)
        return [
            _amount(one, ONE, ONE, one, UNITS, used, unit)
            for one, used in zip(effective, consumed, strict=True)
        ]
    offer = line.offer
    priced = split(decimal_of(Fraction(line.billed, offer.block), offer.scale), offer.scale, shares)
    counted = split(
        decimal_of(Fraction(line.counted, offer.kind.per), QUANTITY_SCALE), _counted_scale(offer), shares
    )
    return [
        _amount(cost, offer.list_price, offer.contracted_price, quantity, offer.unit, used, offer.kind.unit)
        for cost, quantity, used in zip(effective, priced, counted, strict=True)
    ]


def _counted_scale(offer: Offer) -> int:
    """As many decimals of what is counted as its priced quantity has, so that both are split alike."""
    return offer.scale - 6 if offer.kind.unit == TOKENS else QUANTITY_SCALE


def _amount(
    effective: Decimal,
    list_price: Decimal,
    contracted_price: Decimal,
    quantity: Decimal,
    unit: str,
    consumed: Decimal,
    consumed_unit: str,
) -> dict[str, Any]:
    return {
        "effective_cost": effective,
        "list_cost": product(list_price, quantity),
        "contracted_cost": product(contracted_price, quantity),
        "list_unit_price": list_price,
        "contracted_unit_price": contracted_price,
        "pricing_quantity": quantity,
        "pricing_unit": unit,
        "consumed_quantity": consumed,
        "consumed_unit": consumed_unit,
    }


def _key(
    base: Mapping[str, Any],
    about: Mapping[str, Any],
    owners: tuple[Owner, ...],
    holders: Holders,
    group: Group,
) -> str:
    """What the row is known by: the same for the same charge in every export."""
    identity = group.identity
    said = (
        base["service_provider_name"],
        base["invoice_issuer_name"],
        base["x_charge_day"],
        base["charge_period_start"],
        identity.currency,
        identity.provider,
        identity.model,
        identity.cost_source,
        identity.cache_hit,
        about["sku_price_id"],
        base["x_price_version"],
        base["x_virtual_key_id"],
        *(holders.text(one) for one in identity.who[1:]),
        base["x_team_id"],
        base["x_customer_id"],
        base["x_cost_center_id"],
        *(_named(owner, holders) for owner in owners),
    )
    return row_key(*said)


def _named(owner: Owner, holders: Holders) -> str:
    idents = (holders.person(one) for one in owner[:3])
    return "/".join([*(one.ident if one else "" for one in idents), str(owner.share)])


@cache
def _share(share: Fraction) -> str | None:
    """The part of the calls that is the owner's, where it is not all."""
    return None if share == 1 else f"{share.numerator} of {share.denominator}"
