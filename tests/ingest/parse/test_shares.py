"""Shares as people type them: parts, percent and fractions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parse.shares import NotAShare, read_shares, weights_note

MOST = 10**6


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (("60", "40"), (60, 40)),
        (("60%", "40 %"), (60, 40)),
        (("0.6", "0.4"), (6, 4)),
        ((".5", "0.50"), (5, 5)),
        (("33.3%", "66.7%"), (333, 667)),
        (("1", "2", "3"), (1, 2, 3)),
        (("2.5", "1"), (25, 10)),
        (("1000", "1_000"), (1000, 1000)),
    ],
)
def test_a_share_is_a_number_a_percentage_or_a_fraction(
    texts: tuple[str, ...], parts: tuple[int, ...]
) -> None:
    assert read_shares(texts, MOST) == parts


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("0", "1"), "'0' is no number of parts"),
        (("-1",), "'-1' is no number of parts"),
        (("half",), "'half' is no number of parts; write it as 60, 60% or 0.6"),
        (("",), "is no number of parts"),
        (("1000001",), "is no number of parts"),
        (("0.0000001", "1"), "is no number of parts"),
        (("60%", "50%"), "60% and 50% make 110%, not 100%"),
        (("60%",), "60% make 60%, not 100%"),
        (("60%", "40"), "write % after each, or after none"),
        (("1,5",), "is no number of parts"),
    ],
)
def test_what_is_no_share_is_refused_with_what_to_write(texts: tuple[str, ...], said: str) -> None:
    with pytest.raises(NotAShare, match=said.replace("(", "[(]")):
        read_shares(texts, MOST)


@pytest.mark.parametrize("texts", [("60", "40"), ("0.6", "0.4"), ("60%", "40%")])
def test_shares_of_a_whole_need_no_note(texts: tuple[str, str]) -> None:
    assert weights_note(("a", "b"), read_shares(texts, MOST), texts) == ""


@given(st.lists(st.integers(1, 10**4), min_size=1, max_size=5), st.sampled_from([0, 1, 2]))
def test_parts_stand_to_each_other_as_what_was_typed(numbers: list[int], digits: int) -> None:
    texts = [f"{number / 10**digits:.{digits}f}" for number in numbers]
    parts = read_shares(texts, 10**9)
    assert [Fraction(part, sum(parts)) for part in parts] == [Fraction(n, sum(numbers)) for n in numbers]
