"""What the page Teams reads and writes: today's teams and keys, and the assignment of keys without a team."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.chargeback import closing
from dashboard.directory import names
from dashboard.directory.owners_on_day import Home, owners_on_day, stretches
from dashboard.pages.teams import callbacks as team_callbacks
from dashboard.pages.teams import ownership
from dashboard.pages.teams import page as teams
from dashboard.pages.teams.callbacks import AssignmentForm
from dashboard.query.calendar import Month
from dashboard.query.run import run
from dashboard.ui.series import money
from dashboard.ui.view import View, from_search, question
from ingest.directory.assign import RecordedAssignment
from ingest.directory.service import rename_entry
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.money import plain_decimal
from ingest.model.zone import micros
from tests.support.calls import call, put
from tests.support.owners import day, entry, owns

OCTOBER = from_search("?from=2026-10-01&to=2026-10-31")
UNIT = 10**12
SECRET = "sk-bf-0123456789abcdef"


@pytest.fixture
def busy(embedded: Ledger) -> Ledger:
    """A key of the team red, by its gateway, and two keys of nobody."""
    put(
        embedded,
        [
            call("2026-10-05T10:00:00Z", 4 * UNIT, virtual_key="vk-1", virtual_key_name="Web", team="red"),
            call("2026-10-06T10:00:00Z", 2 * UNIT, virtual_key="vk-2", virtual_key_name="Batch"),
            call("2026-10-07T10:00:00Z", 3 * UNIT, virtual_key="vk-3", virtual_key_name="Bot"),
            call("2026-10-20T10:00:00Z", None, virtual_key="vk-2", virtual_key_name="Batch"),
        ],
    )
    for team in ("red", "blue"):
        entry(embedded, "team", team)
    return embedded


def part(page: Any, name: str) -> Any:
    """The part of a page that has an id."""
    for component in each(page):
        if getattr(component, "id", None) == name:
            return component
    raise AssertionError(f"nothing is called {name}")


def each(page: Any) -> Iterator[Any]:
    if isinstance(page, list | tuple):
        for component in page:
            yield from each(component)
    elif page is not None:
        yield page
        yield from each(getattr(page, "children", None))


def text(page: Any) -> str:
    return " ".join(str(one) for one in each(page) if isinstance(one, str | int))


def lines(page: Any, name: str) -> list[list[str]]:
    """The body of a table as text."""
    return [[text(cell) for cell in row.children] for row in part(page, name).children[1].children]


def heads(page: Any, name: str) -> list[str]:
    """What the columns of a table are called."""
    return [text(cell) for cell in part(page, name).children[0].children.children]


def spent(ledger: Ledger, view: View = OCTOBER) -> dict[str | None, str]:
    result = run(ledger, question(view, ledger.zone, ("total_cost",), ("team",)))
    return {None if row.key[0] is None else str(row.key[0]): plain_decimal(money(row)) for row in result.rows}


def assign(ledger: Ledger, *values: Any, gives: bool = True) -> RecordedAssignment:
    done = team_callbacks.assign_key(ledger, AssignmentForm(*values), is_assigned=gives)
    assert isinstance(done, RecordedAssignment), done
    return done


def refused(ledger: Ledger, *values: Any) -> str:
    refusal = team_callbacks.assign_key(ledger, AssignmentForm(*values))
    assert isinstance(refusal, str)
    return refusal


def test_teams_stand_by_spend_with_their_keys_of_today_and_idle_ones_last(busy: Ledger) -> None:
    page = teams.content(busy, OCTOBER)
    assert heads(page, "teams")[3:] == ["Spend", "Share", "Requests", "Unpriced", "Tokens", "Keys now"]
    assert lines(page, "teams") == [
        ["no team", "-", "-", "5.00 USD *", "55.6%", "3", "1", "0", "-"],
        ["red", "-", "-", "4.00 USD", "44.4%", "1", "0", "0", "1"],
        ["blue", "-", "-", "-", "-", "0", "0", "0", "0"],
    ]


def test_keys_of_nobody_stand_by_spend_and_lead_to_their_own_page(busy: Ledger) -> None:
    page = teams.content(busy, OCTOBER)
    assert [line[:2] for line in lines(page, "unassigned")] == [["Bot", "3.00 USD"], ["Batch", "2.00 USD *"]]
    links = [one.href for one in each(part(page, "unassigned")) if getattr(one, "href", None)]
    assert links[0] == "?from=2026-10-01&to=2026-10-31&virtual_key=vk-3"
    assert part(page, "owner-key").value == "vk-3"
    on_its_page = teams.content(busy, from_search(links[1]))
    assert part(on_its_page, "owner-key").value == "vk-2"
    assert "Owners of Batch" in text(on_its_page)


def test_calls_without_a_key_say_how_they_get_a_team(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", UNIT)])
    page = teams.content(embedded, OCTOBER)
    assert lines(page, "unassigned")[0][0] == "no key"
    assert "--project" in text(page)


def test_a_key_is_assigned_from_a_day_on_and_figures_follow(busy: Ledger) -> None:
    assert spent(busy) == {None: "5", "red": "4"}
    done = assign(busy, "vk-3", ["blue"], None, "2026-10-07", " new owner ")
    assert (done.subject, done.targets) == ("Bot", {"blue": 1})
    assert spent(busy) == {None: "2", "red": "4", "blue": "3"}
    assign(busy, "vk-1", ["blue"], None, "2026-10-06", "")
    assert spent(busy)["red"] == "4"
    page = teams.content(busy, OCTOBER)
    assert {line[0]: line[-1] for line in lines(page, "teams")} == {"no team": "-", "blue": "2", "red": "0"}
    (_, first) = lines(page, "assignments")
    assert (first[:4], first[5:]) == (["key Bot", "team blue", "Oct 7, 2026", ""], ["dashboard", "new owner"])
    with busy.reading() as connection:
        (newest, *_) = audit.entries(connection)
    assert (newest.by, newest.action, newest.subject) == ("dashboard", "owner set", "Web")


def test_teams_share_a_key_by_the_parts_that_are_typed_or_evenly(busy: Ledger) -> None:
    assign(busy, "vk-3", ["red", "blue"], "60%, 40", "2026-10-01", None)
    assert spent(busy) == {"red": "5.8", "blue": "1.2", None: "2"}
    view = OCTOBER.narrowed("team", "blue")
    (line,) = lines(teams.content(busy, view), "team-keys")
    assert dict(zip(heads(teams.content(busy, view), "team-keys"), line, strict=True)) == {
        "Virtual key": "Bot",
        "Spend": "1.20 USD",
        "Share": "100.0%",
        "Requests": "0",
        "Unpriced": "0",
        "Tokens": "0",
        "Owned now": "40.0%",
    }
    assign(busy, "vk-3", ["red", "blue"], "", "2026-10-01", None)
    assert spent(busy) == {"red": "5.5", "blue": "1.5", None: "2"}
    view = OCTOBER.narrowed("virtual_key", "vk-3")
    page = teams.content(busy, view)
    assert "red 50.0%, blue 50.0%" in text(part(page, "today"))
    assert lines(page, "owners-by-day") == [
        ["Oct 1, 2026", "open", "Team", "red 50.0%, blue 50.0%"],
        ["always", "Oct 1, 2026", "Team", "as the gateway says"],
    ]


def test_what_was_assigned_is_taken_back(busy: Ledger) -> None:
    assign(busy, "vk-1", ["blue"], None, "2026-10-01", None)
    assert spent(busy) == {"blue": "4", None: "5"}
    assign(busy, "vk-1", [], None, "2026-10-01", "mistake", gives=False)
    assert spent(busy) == {"red": "4", None: "5"}
    page = teams.content(busy, OCTOBER.narrowed("virtual_key", "vk-1"))
    assert lines(page, "assignments")[0][1] == "no team of its own"
    assert "red" in text(part(page, "today"))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ((None, ["red"], None, "2026-10-01", None), "choose a key"),
        (("vk-1", [], None, "2026-10-01", None), "choose a team"),
        (("vk-1", ["red", "blue"], "60", "2026-10-01", None), "2 teams have 2 parts"),
        (("vk-1", ["red", "blue"], "60, half", "2026-10-01", None), "'half' is no number of parts"),
        (("vk-1", ["red", "blue"], "60%, 50", "2026-10-01", None), "make 110%, not 100%"),
        (("vk-1", ["red"], None, "soon", None), "'soon' is no day"),
        (("vk-1", ["green"], None, "2026-10-01", None), "no team 'green'"),
        (("vk-9", ["red"], None, "2026-10-01", None), "no key 'vk-9'"),
    ],
)
def test_what_cannot_be_assigned_is_refused_in_words_and_changes_nothing(
    busy: Ledger, typed: Any, why: str
) -> None:
    assert why in refused(busy, *typed)
    assert "Nothing has been assigned" in text(part(teams.content(busy, OCTOBER), "assignments"))


def test_a_key_that_is_secret_is_assigned_by_its_hash_and_never_shown(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", UNIT, virtual_key=SECRET)])
    entry(embedded, "team", "red")
    page = teams.content(embedded, OCTOBER)
    ident = part(page, "owner-key").value
    assign(embedded, ident, ["red"], None, "2026-10-01", None)
    assert spent(embedded) == {"red": "1"}
    assert SECRET not in text(page) + text(teams.content(embedded, OCTOBER)) + ident


def test_a_new_name_changes_no_figure(busy: Ledger) -> None:
    assign(busy, "vk-3", ["red", "blue"], "60, 40", "2026-10-01", None)
    before = lines(teams.content(busy, OCTOBER), "teams")
    red = names.by_name(busy, "team")["red"].entry_id
    rename_entry(busy, red, "Crimson", by="ann", at=0)
    after = lines(teams.content(busy, OCTOBER), "teams")
    assert [[cell.replace("Crimson", "red") for cell in line] for line in after] == before
    assert "Crimson 60.0%" in text(part(teams.content(busy, OCTOBER), "assignments"))


def test_a_key_is_of_the_team_that_its_gateway_named_in_its_newest_calls(ledger: Ledger) -> None:
    put(
        ledger,
        [
            call("2026-10-01T10:00:00Z", 1, virtual_key="vk-1", team="red"),
            call("2026-10-02T10:00:00Z", 1, virtual_key="vk-1", team="blue"),
        ],
    )
    key = entry(ledger, "virtual_key", "vk-1")
    assert owners_on_day(ledger, day("2026-10-03")).teams[key][0].entry_id == entry(ledger, "team", "blue")
    put(ledger, [call("2026-10-03T10:00:00Z", 1, virtual_key="vk-1", team="red")], first=2)
    roll(ledger)
    assert owners_on_day(ledger, day("2026-10-03")).teams[key][0].entry_id == entry(ledger, "team", "red")


def test_a_team_has_the_customer_and_cost_centre_of_the_day(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-01T10:00:00Z", 1, virtual_key="vk-1", team="red", customer="Acme")])
    red = entry(ledger, "team", "red")
    assert owners_on_day(ledger, day("2026-10-01")).homes[red] == Home("Acme", None)
    owns(ledger, "red", ("Globex", 1), kind="team", target_kind="customer", since="2026-11-01")
    owns(ledger, "red", ("CC-7", 1), kind="team", target_kind="cost_center", since="2026-11-01")
    assert owners_on_day(ledger, day("2026-10-31")).homes[red] == Home("Acme", None)
    assert owners_on_day(ledger, day("2026-11-01")).homes[red] == Home("Globex", "CC-7")
    page = teams.content(ledger, OCTOBER.narrowed("team", "red"))
    assert lines(page, "owners-by-day")[0][2:] == ["Customer", "Globex"]
    assert len(stretches(ledger, "team", red, "customer")) == 2


def test_a_team_gets_a_customer_and_a_cost_centre_from_a_day_on(busy: Ledger) -> None:
    entry(busy, "customer", "Acme")
    entry(busy, "cost_center", "CC-7")
    view = OCTOBER.narrowed("team", "red")
    page = teams.content(busy, view)
    assert [one["value"] for one in part(page, "home-cost-center").data] == ["CC-7"]
    done = team_callbacks.assign_team(busy, "red", "Acme", "CC-7", "2026-10-01")
    assert not isinstance(done, str)
    assert (
        next(text(ownership.assigned_message(one, [("Acme", 1)])) for one in done)
        == "red belongs to Acme from Oct 1, 2026 on."
    )
    assert "Acme Cost centre CC-7" in text(part(teams.content(busy, view), "today"))
    assert lines(teams.content(busy, OCTOBER), "teams")[1][:3] == ["red", "Acme", "CC-7"]
    assert "choose a customer" in str(team_callbacks.assign_team(busy, "red", None, None, "2026-10-01"))
    assert "no cost centre 'CC-8'" in str(team_callbacks.assign_team(busy, "red", None, "CC-8", None))
    result = run(busy, question(OCTOBER, busy.zone, ("total_cost",), ("cost_center",)))
    assert {row.key[0]: plain_decimal(money(row)) for row in result.rows} == {None: "5", "CC-7": "4"}


def test_without_calls_the_page_says_so_and_still_assigns(embedded: Ledger) -> None:
    entry(embedded, "team", "red")
    entry(embedded, "virtual_key", "vk-7")
    page = teams.content(embedded, OCTOBER)
    assert "Nothing here yet" in text(part(page, "empty"))
    assert [one["value"] for one in part(page, "owner-teams").data] == ["red"]
    assert [one["group"] for one in part(page, "owner-key").data] == ["Others"]
    assign(embedded, "vk-7", ["red"], None, None, None)
    assert "vk-7" in text(part(teams.content(embedded, OCTOBER), "assignments"))


def test_what_reaches_into_a_closed_month_says_so(busy: Ledger) -> None:
    closing.close(
        busy, Month(2026, 10), accept="trial", by="ann", now=micros(datetime(2026, 11, 9, tzinfo=UTC))
    )
    done = assign(busy, "vk-3", ["red", "blue"], "3 1", "2026-10-07", None)
    message = text(ownership.assigned_message(done, [("red", 3), ("blue", 1)]))
    assert message.startswith(
        "Bot belongs to red 75.0%, blue 25.0% from Oct 7, 2026 on. Closed already: 2026-10."
    )
