"""Commands that read, through the command line itself: each option reaches the question that it is about."""

from pathlib import Path

import pytest

from ingest.ledger import schema
from ingest.ledger.engine import Ledger
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.money import PICO_PER_UNIT
from ingest.pricing.book import Book
from tests.support.cli import Command, command_in, object_of
from tests.support.ledgers import put_events

AT = 1_793_900_000_000_000
"""In November 2026."""
NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")


@pytest.fixture(autouse=True)
def calls(embedded: Ledger, book: Book) -> None:
    """A call that the book prices at 0.15, and another whose source says twice as much."""
    for ident, reported in (("a", None), ("b", ReportedCost(total=3 * PICO_PER_UNIT // 10))):
        event = UsageEvent(
            source="test",
            source_event_id=ident,
            provider="openai",
            model="gpt-4o-mini",
            team="search",
            occurred_at=AT,
            input_tokens=1_000_000,
            output_tokens=0,
            reported=reported,
        )
        put_events(embedded, book, event)


def test_migrate_says_at_which_schema_the_ledger_is(
    tallybook: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newest = schema.revisions()[-1]
    assert tallybook("migrate").stdout == f"already at schema {newest}\n"
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    assert tallybook("migrate").stdout == f"migrated to schema {newest}\n"


def test_prices_show_tells_of_the_prices_of_a_day(tallybook: Command) -> None:
    tallybook("prices", "set", "openai", "gpt-4o-mini", "input=9", "--from", "2026-11-10")
    for day, price in (("2026-11-09", "0.15"), ("2026-11-11", "9")):
        told = tallybook("prices", "show", "openai", "gpt-4o-mini", "--at", day, "--json")
        assert f'"{price}"' in told.stdout, told.stdout


def test_prices_terms_lists_what_was_agreed(tallybook: Command) -> None:
    tallybook("prices", "discount", "openai", "12%", "--note", "contract")
    first, *_ = object_of(tallybook("prices", "terms", "--json"))["terms"]
    assert (first["kind"], first["provider"], first["percent"]) == ("discount", "openai", "12%")


def test_prices_variance_is_of_its_days_and_above_its_threshold(tallybook: Command) -> None:
    (one,) = object_of(tallybook("prices", "variance", *NOVEMBER, "--json"))["variance"]
    assert (one["model"], one["requests"], one["difference"]) == ("gpt-4o-mini", 1, "0.15")
    before = ("--from", "2026-10-01", "--to", "2026-11-01")
    for narrowed in ((*NOVEMBER, "--threshold", "200%"), before, (*NOVEMBER, "--where", "model=other")):
        assert object_of(tallybook("prices", "variance", *narrowed, "--json"))["variance"] == []


def test_prices_explain_finds_a_call_by_the_id_of_its_source(tallybook: Command) -> None:
    assert "0.15" in tallybook("prices", "explain", "a").stdout
    assert object_of(tallybook("prices", "explain", "test:a", "--json"))
    assert tallybook("prices", "explain", "none").exit_code != 0


def test_whatif_prices_the_calls_as_another_model(tallybook: Command) -> None:
    words = ("whatif", "--from-model", "gpt-4o-mini", "--to-model", "gpt-4o", *NOVEMBER)
    totals = object_of(tallybook(*words, "--json"))["totals"]
    assert (totals["requests"], totals["cost"], totals["cost_there"]) == (2, "0.45", "5")
    assert object_of(tallybook(*words, "--where", "team=other", "--json"))["rows"] == []
    assert tallybook(*words, "--by", "day", "--csv").stdout.splitlines()[1].startswith("2026-11-05")


def test_team_list_says_what_each_team_spent_in_its_days(tallybook: Command) -> None:
    (team,) = object_of(tallybook("team", "list", *NOVEMBER, "--json"))["teams"]
    assert (team["team"], team["requests"], team["total_cost"]) == ("search", 2, "0.45")
    assert tallybook("team", "list", *NOVEMBER).stdout.splitlines()[1].split()[0] == "search"


def test_a_setting_that_does_not_fit_is_told_by_its_variable(tmp_path: Path) -> None:
    done = command_in(tmp_path, {"TALLYBOOK_PORT": "http", "TALLYBOOK_MAX_BODY_BYTES": "1"}, "spend")
    assert done.returncode == 1
    assert done.stderr.startswith("tallybook: TALLYBOOK_PORT does not fit: ")
    assert "; TALLYBOOK_MAX_BODY_BYTES does not fit: " in done.stderr
    assert done.stderr.count("\n") == 1
