"""Fees that are added, changed and ended by whoever acts, in one audit shape."""

from dataclasses import replace
from typing import Any

import pytest
from owning import entry

from dashboard.fees.service import AddFeeOptions, FeeRefused, add_fee, end_fee
from dashboard.fees.store import read_fees, read_history
from ingest.ledger import audit
from ingest.ledger.engine import Ledger

SEATS = AddFeeOptions(name="seats", amount="300", start="2026-10-01")


def test_a_fee_is_recorded_by_who_adds_it(ledger: Ledger) -> None:
    team = entry(ledger, "team", "search")
    options = replace(SEATS, team="search", currency="eur", list_amount="400")
    added = add_fee(ledger, options, by="ann", at=5)
    with ledger.reading() as connection:
        (kept,) = read_fees(connection)
    assert replace(kept, number=0) == added.fee
    assert (kept.recorded_by, kept.recorded_at, kept.team_id, kept.currency) == ("ann", 5, team, "EUR")


def test_adding_changing_and_ending_are_audited_alike(ledger: Ledger) -> None:
    assert not add_fee(ledger, SEATS, by="ann", at=1).is_change
    assert add_fee(ledger, replace(SEATS, amount="350"), by="bob", at=2).is_change
    ended = end_fee(ledger, "seats", "2026-11-01", by="eve", at=3)
    with ledger.reading() as connection:
        told = audit.entries(connection, action="fees")[::-1]
        assert len(read_history(connection)) == 3
    assert [(one.at, one.by, one.action, one.subject) for one in told] == [
        (1, "ann", "fees add", "seats"),
        (2, "bob", "fees change", "seats"),
        (3, "eve", "fees end", "seats"),
    ]
    shape = {"amount": "350", "currency": "USD", "every": "month", "kind": "platform"}
    assert [one.detail for one in told[1:]] == [shape, {**shape, "end": str(ended.end)}]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": " "}, "invalid_name", "name"),
        ({"amount": "x"}, "invalid_amount", "amount"),
        ({"amount": "-5"}, "wrong_sign", "amount"),
        ({"list_amount": "x"}, "invalid_amount", "list"),
        ({"start": None}, "missing_start", "from"),
        ({"end": "2026-10-01"}, "empty_period", "to"),
        ({"kind": "gift"}, "unknown_kind", "kind"),
        ({"every": "week"}, "unknown_every", "every"),
        ({"currency": "dollars"}, "invalid_currency", "currency"),
        ({"team": "nobody"}, "unknown_team", "team"),
    ],
)
def test_a_refusal_names_its_field_and_nothing_is_written(
    ledger: Ledger, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(FeeRefused) as refused:
        add_fee(ledger, replace(SEATS, **changes), by="ann", at=1)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not str(refused.value).startswith("-")
    with ledger.reading() as connection:
        assert (read_history(connection), audit.entries(connection)) == ([], [])


@pytest.mark.parametrize(("name", "code"), [("none", "unknown_fee"), ("seats", "empty_period")])
def test_a_fee_ends_after_it_starts_and_only_where_it_is_known(ledger: Ledger, name: str, code: str) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    with pytest.raises(FeeRefused) as refused:
        end_fee(ledger, name, "2026-09-01", by="ann", at=2)
    assert refused.value.code == code
