"""What a budget counts: calls alone, own fees too, or shared cost as well, as the statement has them."""

from pathlib import Path

import pytest

from tests.support.acme import acme_call, acme_month
from tests.support.cli import Command, object_of


@pytest.fixture
def month(tallybook: Command, tmp_path: Path) -> None:
    """Team red has calls of 20 and a fee of 745, blue calls of 10; a licence of 30 is shared by requests."""
    calls = [("a", "red"), ("b", "red"), ("c", "blue")]
    acme_month(
        tallybook, tmp_path, *(acme_call(i, at="2026-11-05T10:00:00Z", team=team) for i, team in calls)
    )
    tallybook("fees", "add", "PTU", "745", "--from", "2026-11-01", "--team", "red", "--kind", "provisioned")
    tallybook("fees", "add", "Licence", "30", "--from", "2026-11-01")
    tallybook("allocate", "set", "fees", "--by", "requests")


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize(("counts", "used"), [("calls", "20"), ("fees", "765"), ("shared", "785")])
def test_a_team_s_budget_counts_what_it_says(tallybook: Command, counts: str, used: str) -> None:
    said = tallybook("budget", "set", "Red", "100", "--team", "red", "--counts", counts)
    assert "counting calls" in said.stdout
    (budget,) = object_of(tallybook("budget", "list", "--json"))["budgets"]
    assert (budget["used"], budget["counts"]) == (used, counts)
    assert budget["allowed"] is (counts == "calls")
    assert counts in tallybook("budget", "list").stdout


@pytest.mark.usefixtures("month")
def test_with_shared_cost_the_budget_is_beside_the_total_of_the_statement(tallybook: Command) -> None:
    tallybook("budget", "set", "Red", "1000", "--team", "red", "--counts", "shared")
    (budget,) = object_of(tallybook("budget", "list", "--json"))["budgets"]
    lines = object_of(tallybook("report", "chargeback", "--period", "2026-11"))["lines"]
    assert budget["used"] == next(line["total"] for line in lines if line["team"] == "red")


@pytest.mark.usefixtures("month")
def test_calls_alone_count_where_nothing_is_said(tallybook: Command) -> None:
    said = tallybook("budget", "set", "Red", "100", "--team", "red").stdout
    assert "counting calls alone, without fees and shared cost" in said
    (budget,) = object_of(tallybook("budget", "list", "--json"))["budgets"]
    assert (budget["counts"], budget["fees_and_shared"]) == ("calls", "0")


@pytest.mark.usefixtures("month")
def test_a_budget_of_everything_with_fees_counts_all_of_them(tallybook: Command) -> None:
    tallybook("budget", "set", "All", "1000", "--counts", "fees")
    (budget,) = object_of(tallybook("budget", "list", "--json"))["budgets"]
    assert (budget["used"], budget["fees_and_shared"]) == ("805", "775")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("100", "--model", "atlas", "--counts", "fees"), "a key, project or model has no fees"),
        (("--tokens", "100", "--team", "red", "--counts", "shared"), "count in budgets of money"),
        (("100", "--counts", "luck"), "there are calls, fees, shared"),
    ],
)
def test_what_bears_no_fees_cannot_count_them(tallybook: Command, words: tuple[str, ...], said: str) -> None:
    tallybook("team", "add", "red")
    refused = tallybook("budget", "set", "X", *words)
    assert (refused.exit_code, said in refused.stderr) == (2, True)


@pytest.mark.usefixtures("month")
def test_a_statement_says_what_the_budget_beside_it_counts(tallybook: Command) -> None:
    tallybook("budget", "set", "Red", "100", "--team", "red")
    tallybook("budget", "set", "Blue", "100", "--team", "blue", "--counts", "shared")
    lines = object_of(tallybook("report", "chargeback", "--period", "2026-11"))["lines"]
    assert {line["team"]: line["budget_counts"] for line in lines} == {"red": "calls", "blue": "shared"}
