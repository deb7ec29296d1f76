"""An adjustment opens to the calls, prices and owners that it is made of, and they add up to it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.chargeback import api, closing
from dashboard.chargeback.adjustment import adjustment_as_json, read_adjustment
from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import statement
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.pages.chargeback import page
from dashboard.query.calendar import Month, of_month
from dashboard.ui.view import View, from_search, to_search
from ingest.http import problems
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import usage_event
from ingest.model.zone import micros
from tests.support.calls import a_ledger, call, put
from tests.support.cli import Command, object_of
from tests.support.owners import owns

UNIT = 10**12
NOW = micros(datetime(2027, 3, 1, tzinfo=UTC))
OCTOBER, NOVEMBER, DECEMBER = (Month(2026, number) for number in (10, 11, 12))


def close(ledger: Ledger, month: Month, at: int = NOW) -> None:
    assert closing.close(ledger, month, accept="fine", by="ann", now=at).hash


def of(ledger: Ledger, month: Month) -> Statement:
    return statement(ledger, of_month(month), NOW)


def opened(ledger: Ledger, number: str) -> Any:
    found = read_adjustment(ledger, number, NOW)
    assert found is not None
    return adjustment_as_json(found)


def test_late_calls_are_named_with_their_key_and_model(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red", virtual_key="web")])
    close(ledger, OCTOBER)
    late = call(
        "2026-10-06T10:00:00Z", 3 * UNIT, team="red", virtual_key="web", model="gpt-5", input_tokens=9
    )
    put(ledger, [late], first=1)
    found = opened(ledger, "2026-11-1")
    assert (found["about"], found["cause"], found["team"], found["amount"]) == ("2026-10", "late", "red", "3")
    (line,) = found["lines"]
    assert (line["kind"], line["model"], line["before"], line["after"]) == ("calls", "gpt-5", "0", "3")
    assert (line["requests_after"], line["tokens_after"]) == (1, 9)
    assert [(row["total_cost"], row["occurred_at"][:10]) for row in found["calls"]] == [("3", "2026-10-06")]


def test_a_later_version_of_a_call_is_another_price_and_no_late_call(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red")])
    close(ledger, OCTOBER)
    put(ledger, [call("2026-10-05T10:00:00Z", 15 * UNIT, team="red", output_tokens=4)])
    (correction,) = of(ledger, NOVEMBER).corrections
    assert (correction.cause, correction.amount) == ("price", 3 * UNIT)
    found = opened(ledger, correction.number)
    (line,) = found["lines"]
    assert (line["before"], line["after"], line["requests_before"], line["requests_after"]) == (
        "12",
        "15",
        1,
        1,
    )
    assert [(row["total_cost_before"], row["total_cost"]) for row in found["calls"]] == [("12", "15")]


def test_other_owners_are_named_before_and_after(embedded: Ledger, tallybook: Command) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 100, team="red", virtual_key="web")])
    close(embedded, OCTOBER, at=micros(datetime(2026, 11, 1, tzinfo=UTC)))
    tallybook("team", "add", "blue")
    assert tallybook("owner", "set", "web", "--team", "blue", "--from", "2026-10-01").exit_code == 0
    for correction in of(embedded, NOVEMBER).corrections:
        found = opened(embedded, correction.number)
        (line,) = found["lines"]
        assert (line["teams_before"], line["teams_after"]) == (["red"], ["blue"])
        assert Decimal(line["amount"]) == Decimal(found["amount"])
        assert next((row["action"], row["subject"]) for row in found["changes"]) == ("owner set", "web")


def test_other_prices_are_shown_before_and_after(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("time,key,input\n2026-10-05T10:00:00Z,web,1000000\n")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'source = "gateway"\n[event]\noccurred_at = "time"\nvirtual_key = "key"\ninput_tokens = "input"\n'
        'provider = { constant = "acme" }\nmodel = { constant = "atlas" }\n'
    )
    tallybook("prices", "set", "acme", "atlas", "input=2", "--from", "2026-10-01")
    assert tallybook("import", str(file), "--mapping", str(plan)).exit_code == 0
    close(embedded, OCTOBER)
    tallybook("prices", "set", "acme", "atlas", "input=3", "--from", "2026-10-01")
    assert tallybook("reprice").exit_code == 0
    (correction,) = of(embedded, NOVEMBER).corrections
    found = opened(embedded, correction.number)
    (line,) = found["lines"]
    assert (found["cause"], line["before"], line["after"]) == ("price", "2", "3")
    rates = [line[f"prices_{when}"][0]["rates"] for when in ("before", "after")]
    assert rates == [{"input": "2 per 1000000"}, {"input": "3 per 1000000"}]
    close(embedded, NOVEMBER)
    assert opened(embedded, correction.number)["lines"] == found["lines"]


def test_the_evidence_of_a_closed_month_stands_whatever_comes_later(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red")])
    close(embedded, OCTOBER)
    put(embedded, [call("2026-10-06T10:00:00Z", 3 * UNIT, team="red")], first=1)
    close(embedded, NOVEMBER)
    before = opened(embedded, "2026-11-1")
    put(embedded, [call("2026-10-07T10:00:00Z", 4 * UNIT, team="red")], first=2)
    assert opened(embedded, "2026-11-1") == before
    later = opened(embedded, "2026-12-1")
    assert {(line["kind"], line["name"], line["amount"]) for line in later["lines"]} == {
        ("calls", None, "7"),
        ("booked", "2026-11-1", "-3"),
    }


def test_an_adjustment_is_opened_by_command_and_over_http(tallybook: Command, embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red", virtual_key="web")])
    close(embedded, OCTOBER)
    put(embedded, [call("2026-10-06T10:00:00Z", 3 * UNIT, team="red", virtual_key="web")], first=1)
    shown = tallybook("report", "adjustment", "2026-11-1")
    assert shown.exit_code == 0, shown.output
    assert "2026-11-1: calls that came after closing of 2026-10" in shown.stdout
    assert "calls of web" in shown.stdout
    app = FastAPI()
    problems.install(app)
    app.include_router(api.make_router(embedded))
    client = TestClient(app)
    answer = client.get("/v1/reports/adjustments/2026-11-1").json()
    assert answer["lines"] == object_of(tallybook("report", "adjustment", "2026-11-1", "--json"))["lines"]
    assert client.get("/v1/reports/adjustments/2026-11-9").status_code == 404
    assert tallybook("report", "adjustment", "7").exit_code == 2


def test_the_page_opens_an_adjustment_and_its_calls(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red", virtual_key="web")])
    close(embedded, OCTOBER)
    put(embedded, [call("2026-10-06T10:00:00Z", 3 * UNIT, team="red", virtual_key="web")], first=1)
    view = View(preset=None, first="2026-11-01", last="2026-11-30")
    assert "adjustment=2026-11-1" in str(page.content(embedded, view))
    shown = str(page.content(embedded, replace(view, adjustment="2026-11-1")))
    for text in (
        "Adjustment 2026-11-1: calls that came after closing of 2026-10, red",
        "calls of web",
        "3 USD",
    ):
        assert text in shown
    assert "request=" in shown
    missing = str(page.content(embedded, replace(view, adjustment="2026-11-9")))
    assert "There is no adjustment 2026-11-9" in missing


def test_the_address_of_a_page_names_the_adjustment_that_it_opens() -> None:
    view = View(preset=None, first="2026-11-01", last="2026-11-30", adjustment="2026-11-1")
    assert from_search(to_search(view)) == view


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 75), st.sampled_from("abc"), st.integers(0, 10**6)),
        st.tuples(st.just("own"), st.integers(0, 60), st.sampled_from("abc"), st.integers(1, 3)),
        st.tuples(st.just("rule"), st.integers(0, 60), st.sampled_from(["cost", "even"]), st.just(0)),
        st.tuples(st.just("price"), st.integers(0, 3), st.just(""), st.integers(0, 10**6)),
        st.tuples(st.just("revise"), st.integers(0, 75), st.sampled_from("abc"), st.integers(0, 10**6)),
        st.tuples(st.just("close"), st.integers(0, 2), st.just(""), st.just(0)),
        st.tuples(st.just("reopen"), st.integers(0, 2), st.just(""), st.just(0)),
    ),
    min_size=4,
    max_size=12,
)
FIRST = datetime(2026, 10, 1, tzinfo=UTC)


def act(ledger: Ledger, place: int, what: str, at: int, name: str, number: int) -> None:
    moment = datetime.fromtimestamp(FIRST.timestamp() + at * 86_400 + 7_200, UTC)
    match what:
        case "call" | "revise":
            index = place if what == "call" else 0
            facts = {"virtual_key": f"vk-{name}", "output_tokens": place, "user": what}
            put(ledger, [call(moment.isoformat(), number, **facts)], first=index)
        case "own":
            since = moment.date().isoformat()
            owns(ledger, f"vk-{name}", ("blue", 1), ("green", number), since=since, at=at)
        case "rule":
            rule = Rule(pool="fees", method=name, first_day=of_month(OCTOBER).days[0] + at)  # type: ignore[arg-type]
            with ledger.writing() as connection:
                add_rules(connection, [rule])
        case "price":
            with ledger.writing() as connection:
                some = usage_event.update().where(usage_event.c.seq % 4 == at)
                connection.execute(some.values(total_cost=number))
        case "close" | "reopen":
            month = (OCTOBER, NOVEMBER, DECEMBER)[at]
            try:
                if what == "close":
                    closing.close(ledger, month, accept="fine", by="ann", now=NOW)
                else:
                    closing.reopen(ledger, month, reason="again", by="ann", now=NOW)
            except closing.CloseRefused:
                pass


def every_adjustment_adds_up(acts: list[tuple[str, int, str, int]]) -> None:
    with TemporaryDirectory() as folder, a_ledger(Path(folder)) as ledger:
        start = ledger.zone.midnight(of_month(OCTOBER).days[0])
        with ledger.writing() as connection:
            add_fees(
                connection,
                [
                    Fee(
                        name="seats",
                        kind="platform",
                        amount=10**7,
                        currency="USD",
                        start=start,
                        every="month",
                    )
                ],
            )
        for place, (what, at, name, number) in enumerate([("close", 0, "", 0), *acts]):
            act(ledger, place, what, at, name, number)
        for month in (OCTOBER, NOVEMBER, DECEMBER, DECEMBER.plus(1)):
            current = of(ledger, month)
            for correction in current.corrections:
                found = read_adjustment(ledger, correction.number, NOW)
                assert found is not None
                assert sum(line.amount for line in found.evidence) == correction.amount
                rest = [line.amount for line in found.evidence if line.kind == "rest"]
                assert sum(map(abs, rest)) <= 100, (correction, found.evidence)


@given(ACTS)
@settings(max_examples=8)
def test_evidence_adds_up_to_its_adjustment(acts: list[tuple[str, int, str, int]]) -> None:
    every_adjustment_adds_up(acts)


@pytest.mark.long
@given(ACTS)
@settings(max_examples=40)
def test_evidence_adds_up_in_whatever_order_things_come_to_light(
    acts: list[tuple[str, int, str, int]],
) -> None:
    every_adjustment_adds_up(acts)
