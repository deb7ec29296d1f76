"""Pricing: what a call costs, and whose word for it counts.

A reported cost is kept, unless the settings say of its source that the computed one counts. A reported 0 is not believed unless the source vouches for it, because most sources write 0
where they do not know. Otherwise the cost is computed from the price book, and where that cannot be done the call is
unpriced and says why. What cannot cost anything (a failed call without billed usage, a listing of models) is free.
The computed total stands beside a reported one, so that the two can be compared.
"""

import re
from functools import lru_cache
from operator import attrgetter
from typing import Final

import msgspec

from ingest.event import ReportedCost, UsageEvent, billable_units
from ingest.money import LARGEST, MoneyError
from ingest.pricing import replay
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.computed import compute, tokens_of
from ingest.pricing.matching import of_images
from ingest.pricing.rates import PriceSet, Unpriced

_NEVER_BILLED: Final = re.compile(
    r"list_models|count_tokens|responses_input_items|file_\w+|container_\w+|cached_content_\w+"
    r"|batch_(create|list|retrieve|cancel|delete)|\w+_(retrieve|retrieve_stream|delete|list|cancel|download)"
)
"""Request types that move no tokens through a model."""

_NO_USAGE: Final = Unpriced("the response has no usage")

_parts = attrgetter(
    *(name for name in ReportedCost.__struct_fields__ if name not in {"total", "believed_zero"})
)
_counts = attrgetter(
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "search_queries",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "pages",
    "search_units",
)


def price(event: UsageEvent, book: PriceBook, at: int) -> Charge:
    """The charge of a call at the instant `at` (microseconds UTC).

    Raises:
        ingest.money.MoneyError: it would cost more than one event can.
    """
    reported = event.reported
    told = None if reported is None else _told(reported)
    if event.cache_hit:
        return replay.price(event, book, at, told, _stated(reported))
    bills = is_billable(event)
    if told is not None and reported is not None:
        computed = _computed(event, book, at) if bills else _NO_USAGE
        if isinstance(computed, Charge) and book.counts_computed(event.source):
            return msgspec.structs.replace(computed, reported_total=told)
        return _reported(reported, told, computed)
    if not bills and _is_free(event):
        return Charge(cost_source="free", total_cost=0, reported_total=_stated(reported))
    charge = _computed(event, book, at) if bills else _NO_USAGE
    if isinstance(charge, Unpriced):
        return Charge(cost_source="unpriced", unpriced_reason=charge.reason, reported_total=_stated(reported))
    return charge if reported is None else msgspec.structs.replace(charge, reported_total=_stated(reported))


def prices_of(event: UsageEvent, book: PriceBook, at: int, tokens: int | None = None) -> PriceSet | Unpriced:
    """The prices of a call, as for one with `tokens` of input where that is given.

    Images that were counted without tokens have the price of their size and quality, if there is one.
    """
    if event.images and not tokens_of(event):
        for name in of_images(event.model, event.image_size, event.image_quality):
            found = _found(event, book, name, at, 0)
            if isinstance(found, PriceSet) and "image" in found.by_meter:
                return found
    return _found(event, book, event.model, at, event.input_tokens or 0 if tokens is None else tokens)


def _found(event: UsageEvent, book: PriceBook, model: str, at: int, tokens: int) -> PriceSet | Unpriced:
    return book.find(
        event.provider, model, event.service_tier, at, tokens, event.region, event.team, event.customer
    )


def _computed(event: UsageEvent, book: PriceBook, at: int) -> Charge | Unpriced:
    found = prices_of(event, book, at)
    return compute(event, found, replay.lookup(event, book, at) if event.cache_lookup_tokens else None)


def is_billable(event: UsageEvent) -> bool:
    """Whether the call counts anything that is sold. To count tokens beforehand is a service, not a sale."""
    if event.request_type == "count_tokens":
        return False
    return bool(event.input_tokens or event.output_tokens or billable_units(event))


def _is_free(event: UsageEvent) -> bool:
    """Whether a call without anything billable costs nothing, rather than that its usage is just missing."""
    return (
        event.status != "success"
        or _is_never_billed(event.request_type)
        or any(count is not None for count in _counts(event))
    )


@lru_cache(maxsize=1024)
def _is_never_billed(request_type: str) -> bool:
    return _NEVER_BILLED.fullmatch(request_type) is not None


def _stated(reported: ReportedCost | None) -> int | None:
    """The total that the source states, or that its parts make; None where it states neither."""
    if reported is None or reported.total is not None:
        return None if reported is None else reported.total
    parts = [part for part in _parts(reported) if part is not None]
    return _held(sum(parts)) if parts else None


def _held(pico: int) -> int:
    if abs(pico) > LARGEST:
        raise MoneyError("the reported cost is larger than one event can cost")
    return pico


def _told(reported: ReportedCost) -> int | None:
    """The total that is believed."""
    stated = _stated(reported)
    return stated or (0 if reported.believed_zero else None)


def _reported(reported: ReportedCost, total: int, computed: Charge | Unpriced) -> Charge:
    """The source's word counts. What its total holds beyond its parts goes to `other`."""
    beyond = total - sum(filter(None, _parts(reported)))
    other = reported.other if not beyond else _held((reported.other or 0) + beyond)
    mine = None if isinstance(computed, Unpriced) else computed
    return Charge(
        cost_source="reported",
        input_cost=reported.input,
        output_cost=reported.output,
        reasoning_cost=reported.reasoning,
        citation_cost=reported.citation,
        search_cost=reported.search,
        request_cost=reported.request,
        cache_read_cost=reported.cache_read,
        cache_write_cost=reported.cache_write,
        tool_cost=reported.tool,
        other_cost=other,
        total_cost=total,
        reported_total=total,
        computed_total=mine.total_cost if mine else None,
        list_total=mine.list_total if mine else None,
        contracted_total=mine.contracted_total if mine else None,
        saved_cost=mine.saved_cost if mine else None,
    )
