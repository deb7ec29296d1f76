import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger.histogram import RATIO, bucket, merge, pack, pack_text, parse

latencies = st.lists(st.integers(1, 10**11), min_size=1, max_size=300)


@given(latencies, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_percentile_is_at_most_one_percent_off(values: list[int], q: float) -> None:
    exact = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    found = parse(pack(values)).percentile(q)
    assert found is not None
    assert abs(found - exact) <= 0.01 * exact + 1


@given(latencies, latencies)
def test_joining_two_texts_merges_two_histograms(some: list[int], others: list[int]) -> None:
    joined = f"{pack(some)},{pack(others)}"
    assert merge(joined) == pack(some + others)
    assert parse(joined).percentile(0.95) == parse(pack(some + others)).percentile(0.95)


@given(st.integers(2, 10**12))
def test_a_bucket_holds_its_value(value: int) -> None:
    index = bucket(value)
    assert RATIO ** (index - 1) * (1 - 1e-7) < value <= RATIO**index * (1 + 1e-7)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_histogram_of_nothing_has_no_percentile(nothing: str | None) -> None:
    assert parse(nothing).percentile(0.5) is None
    assert merge(nothing) is None
    assert pack_text(nothing) is None


def test_the_text_says_how_many_values_each_bucket_holds() -> None:
    assert pack([1, 1, 1000]) == f"0:2,{bucket(1000)}:1"
    assert parse("0:2,349:1").total == 3
