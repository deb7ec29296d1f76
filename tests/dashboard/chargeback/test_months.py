"""The months of a ledger: they begin with its data, and none before can be closed."""

from datetime import UTC, datetime

from dashboard.chargeback.months import months
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from tests.support.calls import call, put
from tests.support.cli import Command, object_of

NOW = micros(datetime(2026, 11, 15, tzinfo=UTC))


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


def test_only_months_with_calls_or_a_history_are_listed(embedded: Ledger) -> None:
    """Not the 1,201 months between a call of 2000 and another of 2099."""
    put(embedded, [call("2000-01-31T23:59:59+00:00"), call("2099-12-01T00:00:00+00:00")])
    assert [state.period for state in months(embedded, NOW)] == ["2099-12", "2026-11", "2000-01"]


def test_a_month_in_which_corrections_of_a_closed_month_are_booked_is_listed(
    tallybook: Command, embedded: Ledger
) -> None:
    """A call of August that comes late is booked in September, where nothing else is."""
    put(embedded, [call("2026-08-03T00:00:00+00:00")])
    assert tallybook("period", "close", "2026-08", "--accept", "fine").exit_code == 0
    assert listed(tallybook)[-2:] == ["2026-09", "2026-08"]


def test_the_months_of_a_fee_are_listed(tallybook: Command, embedded: Ledger) -> None:
    tallybook(
        "fees", "add", "Licence", "300", "--from", "2026-06-01", "--to", "2026-08-01", "--every", "month"
    )
    tallybook("fees", "add", "Set-up", "5", "--from", "2026-03-01", "--every", "once")
    assert [state.period for state in months(embedded, NOW)] == ["2026-11", "2026-07", "2026-06", "2026-03"]
