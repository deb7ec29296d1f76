"""The lines of a calculation add up to what pricing charges, whatever the call, its prices and contract."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest.model.event import UsageEvent
from ingest.pricing.breakdown import CostLine, break_down
from ingest.pricing.charge import COMPONENTS, Charge
from ingest.pricing.compute import STEPPED, compute
from ingest.pricing.rates import METERS, PriceSet, Rate, Step, Unpriced
from ingest.pricing.terms import Term
from tests.support.examples import examples

MTOK = 1_000_000
counts = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 400_000))
shares = st.integers(0, 100)
rates = st.builds(
    Rate,
    st.decimals("0", "5", places=7, allow_nan=False),
    st.sampled_from([1, 1_000, MTOK, 3_600_000]),
    st.sampled_from([0, 0, 10_000]),
)
factors = st.decimals("0.01", "1.2", places=4)
terms = st.builds(
    lambda *kept: tuple(one for one in kept if one is not None),
    *(
        st.one_of(st.none(), st.builds(lambda factor, kind=kind: Term(kind=kind, factor=factor), factors))
        for kind in ("region", "discount", "markup")
    ),
)
steps = st.lists(
    st.builds(
        lambda meter, above, rate: Step(meter, above, rate._replace(least=0)),
        st.sampled_from(sorted(STEPPED)),
        st.integers(1, 200_000),
        rates,
    ),
    max_size=3,
).map(lambda some: tuple(sorted(some, key=lambda step: step.above)))


@st.composite
def price_sets(draw: Any) -> PriceSet:
    likely = draw(st.booleans())
    by_meter = draw(st.dictionaries(st.sampled_from(METERS), rates, max_size=12))
    if likely:
        by_meter |= {"input": draw(rates), "output": draw(rates)}
    return PriceSet("openai", "m", "standard", 0, "USD", "x", by_meter, steps=draw(steps), terms=draw(terms))


@st.composite
def events(draw: Any) -> UsageEvent:
    """Parts fit their wholes, as `check` asks of every event."""
    inputs, outputs = draw(counts), draw(counts)

    def part(whole: int | None) -> int | None:
        drawn: int | None = draw(st.one_of(st.none(), st.integers(0, whole or 0)))
        return drawn

    reads = part(inputs)
    writes = part((inputs or 0) - (reads or 0))
    audio, images, for_1h = part(inputs), part(inputs), part(writes)
    audio_read = part(min(audio or 0, reads or 0))
    images_read = part(min(images or 0, (reads or 0) - (audio_read or 0)))
    return UsageEvent(
        source="test",
        input_tokens=inputs,
        output_tokens=outputs,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=for_1h,
        cache_write_12h_tokens=part((writes or 0) - (for_1h or 0)),
        cache_read_audio_tokens=audio_read,
        cache_read_image_tokens=images_read,
        input_audio_tokens=audio,
        input_image_tokens=images,
        output_audio_tokens=part(outputs),
        output_image_tokens=part(outputs),
        reasoning_tokens=part(outputs),
        citation_tokens=part(outputs),
        **{
            name: draw(st.one_of(st.none(), counts))
            for name in (
                "total_tokens",
                "search_queries",
                "tool_calls",
                "audio_ms",
                "characters",
                "images",
                "pages",
            )
        },
    )


@examples(60)
@given(event=events(), prices=price_sets())
def test_lines_add_up_to_what_is_charged(event: UsageEvent, prices: PriceSet) -> None:
    charge = compute(event, prices, None)
    workings = break_down(event, prices)
    if not isinstance(charge, Charge):
        assert workings.missing
        assert not workings.lines
        return
    assert charge.is_partly_priced == bool(workings.missing)
    assert set(workings.missing) == set(re.findall(r"\w+", _meters_of(charge.unpriced_reason)))
    sums = {one.component: one.charged_pico for one in workings.sums}
    assert {name: getattr(charge, name) or 0 for name in COMPONENTS} == {
        name: sums.get(name, 0) for name in COMPONENTS
    }
    assert (workings.list_total, workings.contracted_total, workings.total) == (
        charge.list_total,
        charge.contracted_total,
        charge.total_cost,
    )


def _meters_of(reason: str | None) -> str:
    return re.sub(r"no price for the meters? (.*) of openai/m", r"\1", reason or "").replace(" and ", " ")


def test_a_part_without_a_price_of_its_own_says_whose_price_it_has() -> None:
    prices = PriceSet("openai", "m", "standard", 0, "USD", "x", {"input": Rate(Decimal("2.5"), MTOK)})
    event = UsageEvent(source="test", input_tokens=100, cache_write_tokens=40, cache_write_1h_tokens=10)
    told = [
        (line.meter, line.charged_as, line.quantity, line.product) for line in break_down(event, prices).lines
    ]
    assert told == [
        ("input", "input", 60, Fraction(150, MTOK)),
        ("cache_write", "input", 30, Fraction(75, MTOK)),
        ("cache_write_1h", "input", 10, Fraction(25, MTOK)),
    ]


def test_a_line_says_where_a_marginal_price_begins_and_what_a_call_is_billed_at_least() -> None:
    minute, cheap, dear = Rate(Decimal(3), 60_000, 10_000), Rate(Decimal(1), MTOK), Rate(Decimal(2), MTOK)
    prices = PriceSet(
        "openai",
        "m",
        "standard",
        0,
        "USD",
        "x",
        {"input": dear, "audio_ms": minute},
        steps=(Step("input", 1_000, cheap),),
    )
    event = UsageEvent(source="test", input_tokens=1_500, audio_ms=4_000)
    assert sorted(break_down(event, prices).lines) == sorted(
        [
            CostLine("input_cost", "input", "input", 1_500, dear),
            CostLine("input_cost", "input", "input", 500, cheap, instead_of=dear, above=1_000),
            CostLine("other_cost", "audio_ms", "audio_ms", 10_000, minute, counted=4_000),
        ]
    )


def test_a_total_of_tokens_alone_has_no_price() -> None:
    prices = PriceSet("openai", "m", "standard", 0, "USD", "x", {"input": Rate(Decimal(1), MTOK)})
    workings = break_down(UsageEvent(source="test", total_tokens=5), prices)
    assert (list(workings.missing), list(workings.lines)) == (["total_tokens"], [])


def test_reasoning_needs_a_price_of_the_output_that_it_is_part_of() -> None:
    prices = PriceSet("openai", "m", "standard", 0, "USD", "x", {"reasoning": Rate(Decimal(1), MTOK)})
    event = UsageEvent(source="test", output_tokens=5, reasoning_tokens=5)
    workings = break_down(event, prices)
    assert (workings.missing, workings.lines) == (("output",), ())
    assert isinstance(compute(event, prices, None), Unpriced)
