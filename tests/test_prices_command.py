"""The commands of the price book as people use them: what they say, what they refuse, what they change."""

from decimal import Decimal
from typing import Any

import pytest
from commanding import Command, object_of, tallybook
from conftest import put_events

from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import UsageEvent
from ingest.pricing.book import Book

__all__ = ["tallybook"]
NOW = 1_793_900_000_000_000


def call(**facts: Any) -> UsageEvent:
    known = {
        "source": "test",
        "source_event_id": "a",
        "provider": "vllm",
        "model": "house-model",
        "occurred_at": NOW,
    }
    return UsageEvent(**{**known, "input_tokens": 500_000, "output_tokens": 0, **facts})


def test_a_price_is_set_from_a_day_of_the_reporting_zone_on(tallybook: Command, embedded: Ledger) -> None:
    done = tallybook(
        "prices", "set", "OpenAI", "GPT-X", "input=2.50", "search=0.01", "--from", "2026-11-01", "--json"
    )
    added = object_of(done)["added"]
    assert [(one["meter"], one["price"], one["per"]) for one in added] == [
        ("input", "2.50", 1_000_000),
        ("search", "0.01", 1),
    ]
    [point, _] = read_book(embedded).stored.points
    assert (point.provider, point.model, point.valid_from) == ("openai", "gpt-x", 1_793_491_200_000_000)
    assert point.added_by


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inptu=3"], "did you mean input?"),
        (["input"], "'input' names no meter"),
        (["input=-1"], "a price is not negative, as '-1' is"),
        (["input=NaN"], "'NaN' is no price"),
        (["input=1", "input=2"], "input has two prices"),
        (["input=1", "--from", "soon"], "'soon' is not a time"),
        (["input=1", "--from", "2026-11-02", "--to", "2026-11-01"], "must end after it starts"),
        (["input=1", "--marginal"], "starts above so many units"),
        (["input=1", "--least", "1000"], "input has no least quantity"),
        (["input=1", "--hours", "always"], "hours are written like"),
        (["input=1", "--currency", "dollar"], "three capital letters"),
    ],
)
def test_what_is_no_price_is_refused_and_nothing_is_added(
    tallybook: Command, embedded: Ledger, words: list[str], message: str
) -> None:
    done = tallybook("prices", "set", "openai", "gpt-x", *words)
    assert (done.exit_code, read_book(embedded).stored.points) == (2, ())
    assert message in done.stderr


def test_a_discount_is_of_the_team_that_is_called_so(
    tallybook: Command, embedded: Ledger, book: Book
) -> None:
    put_events(embedded, book, call(team="t-1", team_name="Research"))
    done = tallybook(
        "prices", "discount", "openai/gpt-*", "12%", "--team", "Research", "--from", "2026-11-01"
    )
    assert done.exit_code == 0
    [term] = read_book(embedded).stored.terms
    assert (term.kind, f"{term.factor}", term.provider, term.model) == ("discount", "0.88", "openai", "gpt-*")
    assert (term.team, term.valid_from) == ("t-1", 1_793_491_200_000_000)
    assert "calls that the gateway names as theirs" in done.stderr


def test_a_team_that_no_call_has_named_is_kept_as_written_and_said(
    tallybook: Command, embedded: Ledger
) -> None:
    done = tallybook("prices", "markup", "all", "5%", "--team", "Nobody")
    assert "does not know the team Nobody" in done.stderr
    [term] = read_book(embedded).stored.terms
    assert (term.team, f"{term.factor}", term.provider) == ("Nobody", "1.05", "*")


@pytest.mark.parametrize("percent", ["12", "120%", "-5%", "a tenth", "100%"])
def test_a_discount_that_makes_no_sense_is_refused(
    tallybook: Command, embedded: Ledger, percent: str
) -> None:
    done = tallybook("prices", "discount", "openai", "--", percent)
    assert (done.exit_code, read_book(embedded).stored.terms) == (2, ())


def test_a_region_is_dearer_from_a_day_on(tallybook: Command, embedded: Ledger) -> None:
    assert tallybook("prices", "region", "anthropic", "us", "10%").exit_code == 0
    [term] = read_book(embedded).stored.terms
    assert (term.kind, term.region, term.factor) == ("region", "us", Decimal("1.1"))


def test_a_model_without_a_price_is_listed_with_the_way_to_price_it_and_then_priced(
    tallybook: Command, embedded: Ledger, book: Book
) -> None:
    put_events(embedded, book, call())
    period = ("--from", "2026-01-01", "--to", "2027-01-01")
    shown = tallybook("prices", "list", "--unpriced", *period).stdout
    assert "tallybook prices set vllm house-model input=... output=..." in shown
    [one] = object_of(tallybook("prices", "list", "--unpriced", "--json", *period))["unpriced"]
    assert (one["requests"], one["tokens"], one["first_seen"]) == (1, 500_000, one["last_seen"])
    tallybook("prices", "set", "vllm", "house-model", "input=2")
    run = object_of(tallybook("reprice", "--only-unpriced", "--json"))
    assert (run["changed"], run["changes"][0]["after"]) == (1, "1")
    assert "every call of the period has a price" in tallybook("prices", "list", "--unpriced", *period).stdout


def test_a_rehearsal_says_what_would_change_and_a_run_that_there_is_none_to_resume(
    tallybook: Command, embedded: Ledger, book: Book
) -> None:
    put_events(embedded, book, call())
    tallybook("prices", "set", "vllm", "*", "input=2")
    assert (
        "1 calls looked at, 1 would change; nothing was written" in tallybook("reprice", "--dry-run").stdout
    )
    assert tallybook("reprice", "--resume").exit_code == 2
    assert tallybook("reprice", "--from", "2026-11-02", "--to", "2026-11-01").exit_code == 2


def test_an_alias_prices_a_deployment(tallybook: Command, embedded: Ledger, book: Book) -> None:
    put_events(embedded, book, call(provider="azure", model="prod"))
    assert tallybook("prices", "alias", "azure/prod", "openai/gpt-4o").exit_code == 0
    assert tallybook("prices", "alias", "prod", "openai/gpt-4o").exit_code == 2
    run = object_of(tallybook("reprice", "--json"))
    assert run["changes"][0]["after"] == "1.25"
