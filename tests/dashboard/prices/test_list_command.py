"""`tallybook prices list`, `show` and `terms`: what the book holds, and which of it counts."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.prices import list_command, show_command, terms_command
from dashboard.prices.list_command import ListPricesOptions
from ingest.ledger.engine import Ledger
from ingest.parse.dates import read_edges
from ingest.price_book.service import SetPriceOptions, set_price
from ingest.price_book.terms import AddTermOptions, add_term
from tests.support.ledgers import SECRET

Put = Callable[..., None]


@pytest.fixture
def put(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> Put:
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", embedded.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())

    def add(model: str, *assignments: str, start: str | None = None, end: str | None = None) -> None:
        provider, _, name = model.partition("/")
        valid_from, valid_to = read_edges(start, end, embedded.zone)
        options = SetPriceOptions(
            provider=provider, model=name, assignments=assignments, valid_from=valid_from, valid_to=valid_to
        )
        set_price(embedded, options, by="ana", at=1_790_000_000_000_000)

    return add


def listed(capsys: pytest.CaptureFixture[str], **asked: Any) -> Any:
    assert list_command.run(ListPricesOptions(form="json", **asked)) == 0
    return json.loads(capsys.readouterr().out)


def test_a_list_has_every_source_and_says_which_counts(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put("openai/gpt-4o", "input=2")
    found = listed(capsys, provider="openai", model="gpt-4o")["prices"]
    said = {
        (one["source"], one["meter"]): (one["price"], one["counts"])
        for one in found
        if one["service_tier"] == "standard"
    }
    assert said["own", "input"] == ("2", True)
    assert said["genai-prices", "input"] == ("2.5", False)
    assert said["genai-prices", "output"] == ("10", True)


def test_a_list_has_what_holds_and_a_history_every_row(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put("acme/a-1", "input=2")
    put("acme/a-1", "input=3")
    put("acme/a-1", "output=9", end="2026-01-01")
    now = listed(capsys, provider="acme")["prices"]
    assert [(one["row"], one["price"]) for one in now] == [("own#2", "3")]
    then = listed(capsys, provider="acme", at="2025-12-31")["prices"]
    assert [one["row"] for one in then] == ["own#2", "own#3"]
    every = listed(capsys, provider="acme", view="history")["prices"]
    assert [(one["row"], one["added_by"]) for one in every] == [(f"own#{n}", "ana") for n in (1, 2, 3)]


def test_a_list_as_csv_has_a_line_a_row(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put("acme/a-1", "input=2", "output=8")
    assert list_command.run(ListPricesOptions(provider="acme", form="csv")) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(one["meter"], one["price"], one["unit"]) for one in lines] == [
        ("input", "2", "million tokens"),
        ("output", "8", "million tokens"),
    ]


def test_conflicts_say_who_counts(put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    put("openai/gpt-4o", "input=2")
    found = listed(capsys, view="conflicts", provider="openai", model="gpt-4o")["conflicts"]
    assert [(one["meter"], one["counts"], one["spread"]) for one in found] == [("input", "own", "0.2000")]


def test_a_model_is_shown_with_rule_rows_terms_and_history(
    put: Put, embedded: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    put("openai/gpt-4o", "input=2", start="2026-01-01")
    options = AddTermOptions(kind="discount", what="openai", percent="12%")
    add_term(embedded, options, by="ana", at=1_790_000_000_000_000)
    assert show_command.run("openai", "gpt-4o-2024-08-06", None, None, as_json=True) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["found_as"] == {"provider": "openai", "model": "gpt-4o", "rule": "date taken off"}
    assert (shown["prices"]["input"]["row"], shown["prices"]["input"]["price"]) == ("own#1", "2")
    assert [one["percent"] for one in shown["terms"]] == ["12%"]
    assert [(one["row"], one["added_by"]) for one in shown["history"]] == [("own#1", "ana")]


def test_a_model_without_a_price_is_said_so_and_ends_with_1(
    put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    put("acme/a-1", "input=2")
    assert show_command.run("acme", "b-1", None, None, as_json=False) == 1
    assert "no price for acme/b-1" in capsys.readouterr().out


def test_terms_are_listed_the_newest_first(
    put: Put, embedded: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    for percent in ("12%", "5%"):
        options = AddTermOptions(kind="markup", what="all", percent=percent, team="Research")
        add_term(embedded, options, by="ana", at=1_790_000_000_000_000)
    put("acme/a-1", "input=2")
    assert terms_command.run(as_json=True) == 0
    found = json.loads(capsys.readouterr().out)["terms"]
    assert [(one["row"], one["percent"], one["team"]) for one in found[:2]] == [
        (2, "5%", "Research"),
        (1, "12%", "Research"),
    ]
    assert found[-1]["kind"] == "region"


def test_a_moment_that_is_none_is_wrong_usage(put: Put) -> None:
    put("acme/a-1", "input=2")
    assert list_command.run(ListPricesOptions(at="soon")) == 2
