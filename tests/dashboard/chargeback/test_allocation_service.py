"""Allocation rules set by command and on the page: one audit shape, refusals that name their field."""

from dataclasses import replace
from typing import Any

import pytest

from dashboard.chargeback.allocation_service import AllocationRefused, SetAllocationOptions, set_allocation
from dashboard.chargeback.allocation_store import read_rules
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.pages.chargeback.callbacks import set_allocation_rule
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Target
from tests.support.cli import Command
from tests.support.owners import entry

FEES = SetAllocationOptions("fees", "even")
SEATS = Fee(name="Seats", kind="platform", amount=1, currency="USD", start=0)


def test_a_rule_is_recorded_by_who_sets_it(ledger: Ledger) -> None:
    search, ads = (entry(ledger, "team", ident) for ident in ("search", "ads"))
    options = replace(FEES, method="fixed", teams=("search=60", "ads=40"), end="2026-12-01")
    rule = set_allocation(ledger, options, by="ann", at=5).rule
    with ledger.reading() as connection:
        (kept,) = read_rules(connection)
        (told,) = audit.entries(connection)
    assert replace(kept, number=0) == rule
    assert kept.targets == (Target(search, 60), Target(ads, 40))
    assert (told.at, told.by, told.action, told.subject) == (5, "ann", "allocate set", "fees")
    assert told.detail == {
        "method": "fixed",
        "teams": ["search=60", "ads=40"],
        "from": None,
        "to": "2026-12-01",
    }


def test_the_page_and_the_command_are_audited_alike(tallybook: Command, embedded: Ledger) -> None:
    assert tallybook("allocate", "set", "fees", "--by", "cost", "--from", "2026-10-01").exit_code == 0
    assert set_allocation_rule(embedded, "fees", "cost", "2026-10-01") is None
    with embedded.reading() as connection:
        page, command = audit.entries(connection, action="allocate")
    assert page.detail == command.detail
    assert (page.subject, page.by) == (command.subject, "dashboard")
    assert command.by != "dashboard"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"pool": "rent"}, "unknown_pool", "pool"),
        ({"pool": "fee:"}, "unknown_pool", "pool"),
        ({"pool": "fee:Nonexistent"}, "unknown_fee", "pool"),
        ({"pool": "fee:Own"}, "unknown_fee", "pool"),
        ({"method": "luck"}, "unknown_method", "by"),
        ({"fallback": "luck"}, "unknown_fallback", "fallback"),
        ({"method": "fixed"}, "missing_teams", "team"),
        ({"method": "fixed", "teams": ("search",)}, "missing_parts", "team"),
        ({"method": "fixed", "teams": ("search=0",)}, "invalid_parts", "team"),
        ({"method": "fixed", "teams": ("search=60%",)}, "invalid_parts", "team"),
        ({"teams": ("search", "search")}, "team_twice", "team"),
        ({"teams": ("nobody",)}, "unknown_team", "team"),
        ({"start": "soon"}, "invalid_date", "from"),
        ({"end": "soon"}, "invalid_date", "to"),
        ({"start": "2026-10-05", "end": "2026-10-05"}, "empty_period", "to"),
    ],
)
def test_a_refusal_names_its_field_and_nothing_is_written(
    ledger: Ledger, changes: dict[str, Any], code: str, field: str
) -> None:
    search = entry(ledger, "team", "search")
    with ledger.writing() as connection:
        add_fees(connection, [replace(SEATS, name="Own", team_id=search)])
    with pytest.raises(AllocationRefused) as refused:
        set_allocation(ledger, replace(FEES, **changes), by="ann", at=1)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not str(refused.value).startswith("-")
    with ledger.reading() as connection:
        assert (read_rules(connection), audit.entries(connection)) == ([], [])


def test_the_command_names_the_flag_and_the_page_does_not(tallybook: Command, embedded: Ledger) -> None:
    said = "'soon' is no date; write one as 2026-11-20"
    refused = tallybook("allocate", "set", "fees", "--by", "even", "--from", "soon")
    assert (refused.exit_code, refused.stderr) == (2, f"tallybook allocate: --from: {said}\n")
    assert set_allocation_rule(embedded, "fees", "even", "soon") == f"Not set: {said}."
    refused = tallybook("allocate", "set", "rent", "--by", "even")
    assert refused.stderr.startswith("tallybook allocate: POOL: there is no 'rent'")


def test_a_rule_for_a_shared_fee_names_it(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        add_fees(connection, [SEATS])
    assert set_allocation(ledger, replace(FEES, pool="fee:Seats"), by="ann", at=1).rule.pool == "fee:Seats"


def test_weights_that_make_no_whole_are_noted(tallybook: Command) -> None:
    for team in ("a", "b"):
        tallybook("team", "add", team)
    fixed = ("allocate", "set", "fees", "--by", "fixed")
    said = tallybook(*fixed, "--team", "a=60", "--team", "b=50").stdout
    assert "note: 60 and 50 are parts of 110: a 54.55%, b 45.45%" in said
    assert "note" not in tallybook(*fixed, "--team", "a=0.6", "--team", "b=0.4").stdout
