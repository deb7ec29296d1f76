"""Charge groups: a day's calls with the same identity, their sums, and the charge lines of each group.

The groups of one day are in memory at a time. Calls of two attributions are in the same group if their rows
would show the same dimensions and owners.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dashboard.focus import charge_lines as lines
from dashboard.focus import store
from dashboard.focus.arrivals import EVERYTHING, Arrivals
from dashboard.focus.attribution import Attributions, CallDimensions, OwnerShare
from dashboard.focus.charge_lines import ChargeLine
from dashboard.focus.daily_sums import SUMS, sums_of
from dashboard.focus.export_period import Day
from dashboard.focus.priced_quantities import (
    Quantities,
    SkuPriceKey,
    add_quantities,
    quantities_of_call,
    quantities_of_sums,
    sku_price_of,
)
from dashboard.focus.sku_prices import SkuPrice
from ingest.ledger import dialects
from ingest.ledger.engine import Connection
from ingest.model.zone import Zone
from ingest.pricing.matching import tier_of
from ingest.pricing.rates import PriceSet


class GroupIdentity(NamedTuple):
    """What all calls of a charge group of a day have in common."""

    cost_source: str
    currency: str
    provider: str
    model: str
    tier: str
    price_set_id: int | None
    cache_hit: bool
    dimensions: CallDimensions
    owners: tuple[OwnerShare, ...]


@dataclass(frozen=True, slots=True)
class ChargeGroup:
    """The calls of a day with one identity: their sums by name, and the prices they were computed with."""

    identity: GroupIdentity
    sums: Mapping[str, int]
    prices: PriceSet | None

    @property
    def provider(self) -> str:
        """The provider that was paid; for a cache hit, the provider of the look-up's embedding model."""
        return self.prices.provider if self.prices and self.identity.cache_hit else self.identity.provider

    @property
    def model(self) -> str:
        """The model that was paid; for a cache hit, the embedding model of the look-up."""
        return self.prices.model if self.prices and self.identity.cache_hit else self.identity.model


class ChargeGroups:
    """Reads the charge groups of a ledger day by day, in one snapshot.

    Names, price sets and SKU prices are kept from day to day.
    """

    def __init__(self, connection: Connection, ledger_zone: Zone, zone: Zone) -> None:
        self.attributions = Attributions(connection)
        self._connection = connection
        self._ledger_zone = ledger_zone
        self._is_ledger_zone = ledger_zone.name == zone.name
        self._price_sets: dict[int, PriceSet] = {}
        self._sku_prices: dict[tuple[int, SkuPriceKey], SkuPrice] = {}

    def groups(self, day: Day, arrivals: Arrivals = EVERYTHING) -> list[ChargeGroup]:
        """The groups of the day's calls in ranges of arrival, in the same order every time."""
        totals: dict[GroupIdentity, list[int]] = {}
        is_ledger_day = self._is_ledger_zone
        rows = list(sums_of(self._connection, day, is_ledger_day=is_ledger_day, arrivals=arrivals))
        self.attributions.load_texts(text for key, _ in rows for text in key.terms)
        self.attributions.load(key.attribution_id for key, _ in rows)
        self._load_prices({key.price_set_id for key, _ in rows})
        for key, sums in rows:
            text = self.attributions.text
            identity = self._identity(
                cost_source=text(key.cost_source_id),
                currency=text(key.currency_id),
                provider=text(key.provider_id),
                model=text(key.model_id),
                tier=text(key.service_tier_id),
                price_set_id=key.price_set_id,
                cache_hit=key.cache_hit,
                attribution_id=key.attribution_id,
                day=key.day,
            )
            previous = totals.setdefault(identity, [0] * len(SUMS))
            totals[identity] = [total + added for total, added in zip(previous, sums, strict=True)]
        return [
            ChargeGroup(identity, dict(zip(SUMS, totals[identity], strict=True)), self._prices(identity))
            for identity in sorted(totals, key=str)
            if any(totals[identity])
        ]

    def lines(
        self, day: Day, groups: Iterable[ChargeGroup], arrivals: Arrivals = EVERYTHING
    ) -> Iterator[tuple[ChargeGroup, list[ChargeLine]]]:
        """Each group with its charge lines.

        Single calls are read only for groups whose sums do not determine the lines.
        """
        unclear: dict[GroupIdentity, ChargeGroup] = {}
        for group in groups:
            group_lines = self._lines_of_sums(group)
            if group_lines is None:
                unclear[group.identity] = group
            else:
                yield group, group_lines
        if not unclear:
            return
        quantities = self._quantities(day, unclear, arrivals)
        for identity, group in unclear.items():
            yield (
                group,
                self._priced_lines(group, quantities.get(identity, {}))
                or lines.unexplained_lines(group.sums, group.sums),
            )

    def _lines_of_sums(self, group: ChargeGroup) -> list[ChargeLine] | None:
        if group.prices is None:
            return lines.reported_lines(group.sums, group.sums)
        if group.identity.cache_hit:
            return None
        quantities = quantities_of_sums(group.sums, group.prices)
        return None if quantities is None else self._priced_lines(group, quantities)

    def _priced_lines(self, group: ChargeGroup, quantities: Quantities) -> list[ChargeLine] | None:
        number = group.identity.price_set_id
        assert group.prices is not None
        assert number is not None
        sku_prices: dict[SkuPriceKey, SkuPrice] = {}
        for key in quantities:
            if (number, key) not in self._sku_prices:
                self._sku_prices[number, key] = sku_price_of(key, group.prices)
            sku_prices[key] = self._sku_prices[number, key]
        if group.identity.cost_source == "reported":
            return lines.reported_lines_at_prices(quantities, sku_prices, group.sums, group.sums)
        return lines.computed_lines(quantities, sku_prices, group.sums, group.sums)

    def _quantities(
        self, day: Day, unclear: Mapping[GroupIdentity, ChargeGroup], arrivals: Arrivals
    ) -> dict[GroupIdentity, Quantities]:
        price_set_ids = sorted(
            {identity.price_set_id for identity in unclear if identity.price_set_id is not None}
        )
        by_identity: dict[GroupIdentity, Quantities] = {}
        for chunk in dialects.chunks(price_set_ids):
            for call in store.read_calls(self._connection, day, chunk, arrivals):
                event, number = call.event, call.price_set_id
                identity = self._identity_of(call)
                if identity in unclear:
                    quantities = quantities_of_call(event, self._price_sets[number])
                    if event.cache_hit:
                        quantities = add_quantities(
                            {key._replace(component="other_cost"): quantity}
                            for key, quantity in quantities.items()
                        )
                    by_identity[identity] = add_quantities((by_identity.get(identity, {}), quantities))
        return by_identity

    def _identity_of(self, call: store.PricedCall) -> GroupIdentity:
        event = call.event
        assert event.occurred_at is not None, "an event of the ledger has its time"
        return self._identity(
            cost_source=self.attributions.text(call.cost_source_id),
            currency=event.currency,
            provider=event.provider,
            model=event.model,
            tier=event.service_tier,
            price_set_id=call.price_set_id,
            cache_hit=event.cache_hit,
            attribution_id=call.attribution_id,
            day=self._ledger_zone.day(event.occurred_at),
        )

    def _identity(
        self,
        *,
        cost_source: str | None,
        currency: str | None,
        provider: str | None,
        model: str | None,
        tier: str | None,
        price_set_id: int | None,
        cache_hit: bool | None,
        attribution_id: int,
        day: int,
    ) -> GroupIdentity:
        assert cost_source is not None
        assert currency is not None
        assert provider is not None
        assert model is not None
        # A price set has a tier of its own, whatever tier the call named.
        call_tier = "" if price_set_id is not None else tier_of(tier)
        dimensions, owners = (
            self.attributions.dimensions(attribution_id),
            self.attributions.owners(attribution_id, day),
        )
        return GroupIdentity(
            cost_source,
            currency,
            provider,
            model,
            call_tier,
            price_set_id,
            bool(cache_hit),
            dimensions,
            owners,
        )

    def _prices(self, identity: GroupIdentity) -> PriceSet | None:
        return None if identity.price_set_id is None else self._price_sets[identity.price_set_id]

    def _load_prices(self, numbers: Iterable[int | None]) -> None:
        new = sorted(number for number in numbers if number is not None and number not in self._price_sets)
        self._price_sets |= store.price_sets(self._connection, new)
