"""Names that people give: shown before the gateway's, and without any effect on a figure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.directory import names
from dashboard.pages.callbacks import set_given_name
from dashboard.query.question import QuestionText, parse
from dashboard.query.run import run
from dashboard.query.serialize import as_json
from ingest.directory.service import rename_entry
from ingest.ledger.audit import entries
from ingest.ledger.directory import LONGEST_NAME, NameRefused, NotKnown
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.zone import micros
from tests.support.calls import a_ledger, call, put

NOW = datetime(2026, 10, 10, tzinfo=UTC)
AT = micros(NOW)
CALLS = [
    call(
        f"2026-10-0{1 + n % 5}T10:00:00Z",
        10**9 * n,
        virtual_key=f"vk-{n % 2}",
        virtual_key_name=f"Key {n % 2}",
        input_tokens=n,
    )
    for n in range(9)
]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path) as opened:
        put(opened, CALLS)
        roll(opened)
        yield opened


def answer(ledger: Ledger, *by: str, where: tuple[str, ...] = ()) -> dict[str, object]:
    return as_json(run(ledger, parse(QuestionText(by=by, where=where), ledger.zone, NOW)))


def shown(ledger: Ledger) -> list[str]:
    return sorted(names.by_name(ledger, "virtual_key"))


def entry(ledger: Ledger, name: str) -> int:
    return names.by_name(ledger, "virtual_key")[name].entry_id


def rename(ledger: Ledger, entry_id: int, name: str | None) -> None:
    rename_entry(ledger, entry_id, name, by="ann", at=AT)


def test_a_given_name_stands_before_the_gateways_and_can_be_taken_back(ledger: Ledger) -> None:
    number = entry(ledger, "Key 0")
    rename(ledger, number, "  Search  ")
    assert shown(ledger) == ["Key 1", "Search"]
    rename(ledger, number, None)
    assert shown(ledger) == ["Key 0", "Key 1"]


def test_a_name_changes_no_figure(ledger: Ledger) -> None:
    before, of_one = answer(ledger), answer(ledger, where=("virtual_key=vk-0",))
    by_key = answer(ledger, "virtual_key")
    rename(ledger, entry(ledger, "Key 0"), "Search")
    assert answer(ledger) == before
    assert answer(ledger, where=("virtual_key=vk-0",)) == of_one
    assert answer(ledger, where=("virtual_key=Search",)) == of_one
    assert answer(ledger, "virtual_key")["totals"] == by_key["totals"]
    rename(ledger, entry(ledger, "Search"), "")
    assert answer(ledger, "virtual_key") == by_key


def test_what_the_gateway_sends_later_does_not_change_a_given_name(ledger: Ledger) -> None:
    rename(ledger, entry(ledger, "Key 0"), "Search")
    put(
        ledger,
        [call("2026-10-06T10:00:00Z", 1, virtual_key="vk-0", virtual_key_name="Renamed there")],
        first=100,
    )
    assert shown(ledger) == ["Key 1", "Search"]
    rename(ledger, entry(ledger, "Search"), None)
    assert shown(ledger) == ["Key 1", "Renamed there"]


def test_two_keys_of_one_name_are_told_apart(ledger: Ledger) -> None:
    rename(ledger, entry(ledger, "Key 0"), "Key 1")
    assert shown(ledger) == ["Key 1 (vk-0)", "Key 1 (vk-1)"]
    rows = answer(ledger, "virtual_key", where=("virtual_key=vk-0",))["rows"]
    assert isinstance(rows, list)
    assert [row["virtual_key"] for row in rows] == ["Key 1 (vk-0)"]


@pytest.mark.parametrize("name", ["x" * (LONGEST_NAME + 1), "two\nlines", "bell\x07"])
def test_a_name_that_cannot_be_shown_is_refused(ledger: Ledger, name: str) -> None:
    with pytest.raises(NameRefused):
        rename(ledger, entry(ledger, "Key 0"), name)
    said = set_given_name(ledger, entry(ledger, "Key 0"), name)
    assert said is not None
    assert said.startswith("Not saved: ")
    assert shown(ledger) == ["Key 0", "Key 1"]


def test_an_entry_that_is_not_there_is_said(ledger: Ledger) -> None:
    with pytest.raises(NotKnown):
        rename(ledger, 999, "Nobody")


def test_a_name_that_is_given_is_in_the_audit_log_and_the_same_name_again_is_not(ledger: Ledger) -> None:
    number = entry(ledger, "Key 0")
    for _ in range(2):
        assert set_given_name(ledger, number, " Search ") is None
    rename(ledger, number, None)
    with ledger.reading() as connection:
        noted = [(one.by, one.action, one.subject, one.detail) for one in entries(connection)]
    assert noted == [
        ("ann", "key change", "Search", {"given_name": None}),
        ("dashboard", "key change", "Key 0", {"given_name": "Search"}),
    ]
