"""Setting and removing budgets: what is refused, what is recorded, and what the audit log says of it."""

from typing import Any

import pytest

from dashboard.budgets.service import BudgetRefused, SetBudgetOptions, remove_budget, set_budget
from dashboard.budgets.store import read_budgets
from dashboard.directory.subjects import NoSubject
from ingest.ledger import audit
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger
from tests.support.cli import Command
from tests.support.owners import entry

AT = 1_793_900_000_000_000


def options(**given: Any) -> SetBudgetOptions:
    return SetBudgetOptions(**({"name": "Search", "amount": "500"} | given))


def audited(ledger: Ledger) -> list[audit.Entry]:
    """The audit log, oldest first."""
    with ledger.reading() as connection:
        return audit.entries(connection)[::-1]


def test_a_budget_is_recorded_and_audited_by_whom_and_at_what_time_it_is_told(ledger: Ledger) -> None:
    team = entry(ledger, "team", "search")
    budget = set_budget(ledger, options(scope="team", subject="search", start="2026-11-01"), by="ann", at=AT)
    assert (budget.subject, budget.amount, budget.recorded_by, budget.recorded_at) == (
        str(team),
        500 * 10**12,
        "ann",
        AT,
    )
    with ledger.reading() as connection:
        (kept,) = read_budgets(connection)
    assert (kept.name, kept.subject, kept.first_day) == ("Search", str(team), budget.first_day)
    (noted,) = audited(ledger)
    assert (noted.at, noted.by, noted.action, noted.subject) == (AT, "ann", "budget set", "Search")
    assert noted.detail == {
        "scope": "team",
        "per": "month",
        "amount": "500",
        "tokens": None,
        "counts": "calls",
    }


def test_a_removed_budget_is_gone_and_audited(embedded: Ledger) -> None:
    set_budget(embedded, options(), by="ann", at=AT)
    assert remove_budget(embedded, "Search", by="bob", at=AT + 1).is_active is False
    with embedded.reading() as connection:
        assert read_budgets(connection) == []
    removed = audited(embedded)[-1]
    assert (removed.at, removed.by, removed.action, removed.subject) == (
        AT + 1,
        "bob",
        "budget remove",
        "Search",
    )
    with pytest.raises(BudgetRefused, match="there is no budget 'Search'; there are none yet") as refused:
        remove_budget(embedded, "Search", by="bob", at=AT)
    assert (refused.value.code, refused.value.field) == ("unknown_budget", None)


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": " "}, "invalid_name", "name"),
        ({"amount": None}, "amount_or_tokens", "amount"),
        ({"tokens": "5"}, "amount_or_tokens", "amount"),
        ({"amount": "five"}, "invalid_amount", "amount"),
        ({"amount": "-5"}, "invalid_amount", "amount"),
        ({"amount": None, "tokens": "1.5"}, "invalid_tokens", "tokens"),
        ({"amount": None, "tokens": "-1"}, "invalid_tokens", "tokens"),
        ({"per": "year"}, "unknown_per", "per"),
        ({"scope": "moon"}, "unknown_scope", "scope"),
        ({"thresholds": "half"}, "invalid_threshold", "threshold"),
        ({"start": "May"}, "invalid_day", "from"),
        ({"end": "May"}, "invalid_day", "to"),
        ({"start": "2026-11-02", "end": "2026-11-02"}, "empty_range", "to"),
    ],
)
def test_a_refusal_names_its_code_and_field_and_leaves_nothing(
    embedded: Ledger, given: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(BudgetRefused) as refused:
        set_budget(embedded, options(**given), by="ann", at=AT)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not refused.value.message.startswith(("-", field.upper()))
    with embedded.reading() as connection:
        assert read_budgets(connection) == []
    assert audited(embedded) == []


def test_a_subject_that_is_none_is_refused(embedded: Ledger) -> None:
    with pytest.raises(NotKnown):
        set_budget(embedded, options(scope="team", subject="nobody"), by="ann", at=AT)
    with pytest.raises(NoSubject) as refused:
        set_budget(embedded, options(scope="model", subject=" "), by="ann", at=AT)
    assert (refused.value.code, refused.value.field) == ("invalid_model", "model")
    assert audited(embedded) == []


def test_the_command_writes_the_audit_entry_of_the_service(embedded: Ledger, tallybook: Command) -> None:
    assert tallybook("budget", "set", "Search", "500").exit_code == 0
    set_budget(embedded, options(), by="ann", at=AT)
    assert tallybook("budget", "remove", "Search").exit_code == 0
    set_budget(embedded, options(), by="ann", at=AT)
    remove_budget(embedded, "Search", by="ann", at=AT)
    kept = [(noted.action, noted.subject, noted.detail) for noted in audited(embedded)]
    assert kept[0] == kept[1] == kept[3]
    assert kept[2] == kept[4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("", "5"), "NAME: a budget has a name of 1 to 120 characters that can be seen"),
        (("x", "five"), "AMOUNT: 'five' is no amount of money; write one such as 500 or 1,200.50"),
        (("x", "5", "--per", "year"), "--per: there is no 'year'; there are day, week, month, quarter"),
        (("x", "5", "--threshold", "half"), "--threshold: 'half' are no percents; write them as 50,80,100"),
        (("x", "5", "--model", ""), "--model: '' is no model; write its name as calls have it"),
    ],
)
def test_the_command_names_the_argument_or_flag_at_fault(
    tallybook: Command, words: tuple[str, ...], said: str
) -> None:
    refused = tallybook("budget", "set", *words)
    assert (refused.exit_code, refused.stderr) == (2, f"tallybook budget: {said}\n")
