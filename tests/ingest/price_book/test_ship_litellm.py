"""`make prices`: the LiteLLM prices that ship, refreshed from the installed package."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.price_book import ship_litellm
from ingest.price_book.lists.price_list import PriceList
from ingest.price_book.ship_litellm import main, refreshed, report
from ingest.pricing.litellm_snapshot import EMPTY, LitellmSnapshot, decoded, encoded, litellm_snapshot
from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term

FIRST, SECOND = date(2026, 11, 20), date(2026, 12, 24)


def price(version: str, model: str, amount: str, **about: Any) -> PricePoint:
    fields: dict[str, Any] = {"provider": "acme", "meter": "input", "per": 1_000_000, **about}
    return PricePoint(
        source="litellm", model=model, price=Decimal(amount), origin=f"litellm {version}", **fields
    )


def edition(version: str, **prices: str) -> PriceList:
    points = tuple(price(version, model, amount) for model, amount in prices.items())
    term = Term(
        kind="region",
        factor=Decimal("1.1"),
        provider="acme",
        model="a",
        region="us",
        origin=f"litellm {version}",
    )
    return PriceList("litellm", "litellm", f"litellm {version}", len(points), points, (term,), is_whole=True)


def shipped(*editions: tuple[PriceList, date]) -> LitellmSnapshot:
    snapshot = EMPTY
    for price_list, released in editions:
        snapshot, _ = refreshed(snapshot, price_list, released)
    return snapshot


def test_a_new_release_changes_prices_from_its_day_on_and_keeps_those_before() -> None:
    snapshot = shipped((edition("1.0", a="1", b="2"), FIRST), (edition("1.1", a="1", b="3", c="4"), SECOND))
    since = snapshot.editions[1].at
    assert [(p.model, str(p.price), p.valid_from, p.added_at) for p in snapshot.points] == [
        ("a", "1", None, 0),
        ("b", "2", None, 0),
        ("b", "3", since, since),
        ("c", "4", None, since),
    ]
    assert [term.valid_from for term in snapshot.terms] == [None]


def test_the_differences_are_printed_for_a_review() -> None:
    before = shipped((edition("1.0", a="1", b="2"), FIRST))
    lines = list(report(*refreshed(before, edition("1.1", b="3", c="4"), SECOND)))
    assert "1 added, 1 changed, 0 unchanged" in lines
    assert "acme/b standard input: 2 per 1000000 -> 3 per 1000000" in lines
    assert any(line.startswith("1 are no longer listed") for line in lines)


def test_the_same_release_again_replaces_its_own_edition() -> None:
    once = shipped((edition("1.0", a="1"), FIRST), (edition("1.1", a="2"), SECOND))
    again, _ = refreshed(once, edition("1.1", a="2.5"), SECOND)
    assert [str(p.price) for p in again.points] == ["1", "2.5"]
    assert len(again.editions) == 2


def test_a_release_that_is_no_younger_is_refused() -> None:
    with pytest.raises(ValueError, match=r"litellm 1\.0 of 2026-11-20 is not older"):
        refreshed(shipped((edition("1.0", a="1"), FIRST)), edition("1.1", a="2"), FIRST)


def test_the_file_holds_what_was_written_and_is_the_same_each_time() -> None:
    snapshot = shipped((edition("1.0", a="1", b="0.0000001"), FIRST), (edition("1.1", a="2", b="1"), SECOND))
    read = decoded(encoded(snapshot))
    assert (read.editions, read.terms) == (snapshot.editions, snapshot.terms)
    assert sorted(map(str, read.points)) == sorted(map(str, snapshot.points))
    assert encoded(read) == encoded(snapshot)


def test_the_shipped_file_is_small_and_of_a_known_release() -> None:
    assert ship_litellm.PATH.stat().st_size < 200_000
    assert litellm_snapshot().editions[-1].released > FIRST.replace(day=1)


def test_without_the_day_of_the_release_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship_litellm, "PATH", tmp_path / "list")
    assert main([]) == 2
    assert not (tmp_path / "list").exists()
