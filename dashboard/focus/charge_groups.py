"""Groups of calls that one charge is about, and what they were charged: the ledger's sums of a day put together.

A day's groups are held at a time. Calls of two attributions are one group where nothing that a row shows tells them apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from dashboard.focus import charge_lines as lines
from dashboard.focus import store
from dashboard.focus.attribution import Holders, Owner, Who
from dashboard.focus.charge_lines import Line
from dashboard.focus.daily_sums import SUMS, sums_of
from dashboard.focus.export_period import Day
from dashboard.focus.priced_quantities import Priced, Quantities, added, of_call, of_sums, offer
from dashboard.focus.sku_prices import Offer
from ingest.ledger import dialects
from ingest.model.event import UsageEvent
from ingest.model.zone import Zone
from ingest.pricing.matching import tier_of
from ingest.pricing.rates import PriceSet


class Identity(NamedTuple):
    """What tells the charges of a day apart, beside what they are for."""

    cost_source: str
    currency: str
    provider: str
    model: str
    tier: str
    price_set_id: int | None
    cache_hit: bool
    who: Who
    owners: tuple[Owner, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Calls of a day that one charge is about, and their sums by name."""

    identity: Identity
    sums: Mapping[str, int]
    prices: PriceSet | None

    @property
    def provider(self) -> str:
        """Whose model was paid: of a call that the gateway's cache answered, that which the look-up asked."""
        return self.prices.provider if self.prices and self.identity.cache_hit else self.identity.provider

    @property
    def model(self) -> str:
        """The model that was paid."""
        return self.prices.model if self.prices and self.identity.cache_hit else self.identity.model


class Reading:
    """Reads days of a ledger, in one snapshot, and keeps what many days share: names, price sets, price points."""

    def __init__(self, connection: sa.Connection, ledger_zone: Zone, zone: Zone) -> None:
        self.holders = Holders(connection)
        self._connection = connection
        self._ledger_zone = ledger_zone
        self._is_ledger_zone = ledger_zone.name == zone.name
        self._price_sets: dict[int, PriceSet] = {}
        self._offers: dict[tuple[int, Priced], Offer] = {}

    def groups(self, day: Day, until: int | None = None) -> list[Group]:
        """The day's groups, in an order that is the same every time; with `until`, of calls up to the one of that number."""
        found: dict[Identity, list[int]] = {}
        is_ledger_day = self._is_ledger_zone
        rows = list(sums_of(self._connection, day, is_ledger_day=is_ledger_day, until=until))
        self.holders.learn_texts(text for place, _ in rows for text in place.terms)
        self.holders.learn(place.attribution_id for place, _ in rows)
        self._learn_prices({place.price_set_id for place, _ in rows})
        for place, sums in rows:
            text = self.holders.text
            identity = self._identity(
                cost_source=text(place.cost_source_id),
                currency=text(place.currency_id),
                provider=text(place.provider_id),
                model=text(place.model_id),
                tier=text(place.service_tier_id),
                price_set_id=place.price_set_id,
                cache_hit=place.cache_hit,
                attribution_id=place.attribution_id,
                day=place.day,
            )
            held = found.setdefault(identity, [0] * len(SUMS))
            found[identity] = [one + other for one, other in zip(held, sums, strict=True)]
        return [
            Group(one, dict(zip(SUMS, found[one], strict=True)), self._prices(one))
            for one in sorted(found, key=str)
            if any(found[one])
        ]

    def lines(
        self, day: Day, groups: Iterable[Group], until: int | None = None
    ) -> Iterator[tuple[Group, list[Line]]]:
        """Each group with what it was charged. Calls are read one by one only where their sums do not tell."""
        unclear: dict[Identity, Group] = {}
        for group in groups:
            found = self._lines_of_sums(group)
            if found is None:
                unclear[group.identity] = group
            else:
                yield group, found
        if not unclear:
            return
        quantities = self._quantities(day, unclear, until)
        for identity, group in unclear.items():
            yield (
                group,
                self._computed(group, quantities.get(identity, {}))
                or lines.unexplained(group.sums, group.sums),
            )

    def _lines_of_sums(self, group: Group) -> list[Line] | None:
        if group.prices is None or group.identity.cost_source != "computed":
            return lines.of_reported(group.sums, group.sums)
        if group.identity.cache_hit:
            return None
        quantities = of_sums(group.sums, group.prices)
        return None if quantities is None else self._computed(group, quantities)

    def _computed(self, group: Group, quantities: Quantities) -> list[Line] | None:
        number = group.identity.price_set_id
        assert group.prices is not None
        assert number is not None
        offers: dict[Priced, Offer] = {}
        for key in quantities:
            if (number, key) not in self._offers:
                self._offers[number, key] = offer(key, group.prices)
            offers[key] = self._offers[number, key]
        return lines.of_computed(quantities, offers, group.sums, group.sums)

    def _quantities(
        self, day: Day, unclear: Mapping[Identity, Group], until: int | None
    ) -> dict[Identity, Quantities]:
        numbers = sorted({one.price_set_id for one in unclear if one.price_set_id is not None})
        found: dict[Identity, Quantities] = {}
        for some in dialects.chunks(numbers):
            for event, number, attribution_id in store.calls_of(self._connection, day, some, until):
                identity = self._identity_of(event, number, attribution_id)
                if identity in unclear:
                    mine = of_call(event, self._price_sets[number])
                    if event.cache_hit:
                        mine = added(
                            {key._replace(component="other_cost"): held} for key, held in mine.items()
                        )
                    found[identity] = added((found.get(identity, {}), mine))
        return found

    def _identity_of(self, event: UsageEvent, number: int, attribution_id: int) -> Identity:
        assert event.occurred_at is not None, "an event of the ledger has its time"
        return self._identity(
            cost_source="computed",
            currency=event.currency,
            provider=event.provider,
            model=event.model,
            tier=event.service_tier,
            price_set_id=number,
            cache_hit=event.cache_hit,
            attribution_id=attribution_id,
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
    ) -> Identity:
        assert cost_source is not None
        assert currency is not None
        assert provider is not None
        assert model is not None
        # A price set says its tier itself, whatever the call named it.
        named = "" if price_set_id is not None else tier_of(tier)
        who, owners = self.holders.who(attribution_id), self.holders.owners(attribution_id, day)
        return Identity(
            cost_source, currency, provider, model, named, price_set_id, bool(cache_hit), who, owners
        )

    def _prices(self, identity: Identity) -> PriceSet | None:
        return None if identity.price_set_id is None else self._price_sets[identity.price_set_id]

    def _learn_prices(self, numbers: Iterable[int | None]) -> None:
        new = sorted(one for one in numbers if one is not None and one not in self._price_sets)
        self._price_sets |= store.price_sets(self._connection, new)
