"""The months of a ledger: they begin with its data, and none before can be closed."""

from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from tests.support.cli import Command, object_of


def listed(tallybook: Command) -> list[str]:
    return [row["period"] for row in object_of(tallybook("period", "list", "--json"))["periods"]]


def test_a_month_before_all_data_cannot_be_closed(tallybook: Command) -> None:
    refused = tallybook("period", "close", "2020-01")
    assert (refused.exit_code, "2020-01 is before all data" in refused.stderr) == (1, True)
    assert len(listed(tallybook)) == 1


def test_a_month_that_an_earlier_version_closed_stands_alone_in_the_list(
    tallybook: Command, embedded: Ledger
) -> None:
    with embedded.writing() as connection:
        periods.begin_closing(connection, "2020-01", 1, "ann", "")
    (_, last) = listed(tallybook)
    assert last == "2020-01"


def test_a_month_with_a_fee_and_no_call_can_be_closed(tallybook: Command) -> None:
    tallybook("fees", "add", "Licence", "300", "--from", "2026-09-01")
    assert tallybook("period", "close", "2026-08").exit_code == 1
    assert tallybook("period", "close", "2026-09").exit_code == 0
    assert listed(tallybook)[-1] == "2026-09"
