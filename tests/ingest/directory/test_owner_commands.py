"""Who owns what, as people say it: from a day on, in parts, by key, project and team.

Also as a gateway's configuration says it.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback import closing
from dashboard.directory.api import make_router
from dashboard.directory.history import directory_rows
from dashboard.pages.teams import callbacks as team_callbacks
from dashboard.pages.teams.callbacks import AssignmentForm
from dashboard.query.calendar import Month
from ingest.directory import lists
from ingest.directory.assign import AssignOptions, RecordedAssignment, assign
from ingest.directory.service import import_list
from ingest.http import problems
from ingest.ledger.audit import entries
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments, record
from ingest.model.invalid import Invalid
from ingest.model.ownership import FIRST_DAY, Assignment, Target
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.examples import examples
from tests.support.owners import entry

SECRET_KEY = "sk-bf-0123456789abcdef"
CALLS = (
    call("2026-10-05T10:00:00Z", 100, virtual_key="vk-1", virtual_key_name="Web"),
    call("2026-10-20T10:00:00Z", 40, virtual_key="vk-1", virtual_key_name="Web", project="atlas"),
    call("2026-10-20T10:00:00Z", 7, virtual_key=SECRET_KEY),
)


@pytest.fixture(autouse=True)
def busy(embedded: Ledger) -> Ledger:
    put(embedded, CALLS)
    return embedded


def spend(tallybook: Command, dimension: str) -> dict[str | None, str]:
    words = ("--by", dimension, "--from", "2026-10-01", "--to", "2026-11-01", "--json")
    rows = object_of(tallybook("spend", *words))["rows"]
    return {row[dimension]: row["total_cost"].removeprefix("0.").lstrip("0") for row in rows}


@pytest.mark.parametrize("name", ["vk-1", "Web"])
def test_a_key_is_named_by_its_id_or_its_name(tallybook: Command, name: str) -> None:
    assert tallybook("team", "add", "search").exit_code == 0
    done = tallybook("owner", "set", name, "--team", "search", "--from", "2026-10-10")
    assert done.stdout == "Web belongs to team search from 2026-10-10\n"
    assert spend(tallybook, "team") == {"search": "4", None: "107"}


def test_a_secret_key_is_named_by_itself_and_never_told(tallybook: Command) -> None:
    tallybook("team", "add", "search")
    done = tallybook("owner", "set", SECRET_KEY, "--team", "search", "--from", "always")
    assert done.exit_code == 0
    unknown = tallybook("owner", "set", "sk-bf-another-one-0123456789", "--team", "search")
    assert unknown.exit_code == 2
    assert SECRET_KEY not in done.output
    assert "another-one" not in unknown.output


def test_teams_share_a_key_by_their_parts(tallybook: Command) -> None:
    for team in ("search", "ads"):
        tallybook("team", "add", team)
    done = tallybook("owner", "set", "vk-1", "--team", "search=60", "--team", "ads=40", "--from", "always")
    assert done.stdout == "Web belongs to team search (60/100) and ads (40/100), always\n"
    assert spend(tallybook, "team") == {"search": "84", "ads": "56", None: "7"}


@pytest.mark.parametrize("shares", [("60%", "40%"), ("0.6", "0.4"), ("60 %", "40%"), ("3", "2")])
def test_shares_are_written_as_parts_percent_or_fractions(
    tallybook: Command, shares: tuple[str, str]
) -> None:
    for team in ("search", "ads"):
        tallybook("team", "add", team)
    teams = (f"--team=search={shares[0]}", f"--team=ads={shares[1]}")
    assert tallybook("owner", "set", "vk-1", *teams, "--from", "always").exit_code == 0
    assert spend(tallybook, "team") == {"search": "84", "ads": "56", None: "7"}


def test_weights_that_make_no_whole_are_noted_and_percent_are_refused(tallybook: Command) -> None:
    for team in ("a", "b"):
        tallybook("team", "add", team)
    said = tallybook("owner", "set", "vk-1", "--team", "a=60", "--team", "b=50", "--from", "always")
    assert "note: 60 and 50 are parts of 110: a 54.55%, b 45.45%" in said.stdout
    refused = tallybook("owner", "set", "vk-1", "--team", "a=60%", "--team", "b=50%", "--from", "always")
    assert (refused.exit_code, "60% and 50% make 110%, not 100%" in refused.stderr) == (2, True)
    mixed = tallybook("owner", "set", "vk-1", "--team", "a=60%", "--team", "b=50", "--from", "always")
    assert "write % after each, or after none" in mixed.stderr


def test_the_calls_of_a_project_belong_to_their_team(tallybook: Command) -> None:
    tallybook("team", "add", "maps", "--customer", "nobody")
    tallybook("customer", "add", "Acme")
    tallybook("cost-center", "add", "CC-7", "--gl-code", "6400")
    assert tallybook("team", "add", "maps", "--customer", "Acme", "--cost-center", "CC-7").exit_code == 0
    tallybook("owner", "set", "--for-team", "maps", "--cost-center", "CC-7", "--from", "2026-10-01")
    tallybook("owner", "set", "--project", "atlas", "--team", "maps", "--from", "2026-10-01")
    assert spend(tallybook, "team")["maps"] == "4"
    assert spend(tallybook, "cost_center") == {"CC-7": "4", None: "107"}


def test_a_team_brings_its_cost_centre_into_the_directory(tallybook: Command) -> None:
    done = tallybook("team", "add", "maps", "--cost-center", "CC-1")
    assert "cost centre CC-1: added, because the directory did not have it" in done.stdout
    assert "maps belongs to cost centre CC-1, always" in done.stdout
    again = tallybook("team", "add", "maps", "--cost-center", "CC-1")
    assert "did not have it" not in again.stdout
    assert "cost centre add" in tallybook("audit", "--action", "cost centre").stdout


def test_a_cost_centre_holds_always_where_none_was_assigned_before(
    tallybook: Command, embedded: Ledger
) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 16, team="a")], first=10)
    done = tallybook("team", "add", "a", "--cost-center", "CC-1")
    assert "a belongs to cost centre CC-1, always" in done.stdout
    assert spend(tallybook, "cost_center")["CC-1"] == "16"
    moved = tallybook("team", "add", "a", "--cost-center", "CC-2")
    assert "a belongs to cost centre CC-2 from 20" in moved.stdout
    assert spend(tallybook, "cost_center")["CC-1"] == "16"


def test_a_cost_centre_that_reaches_closed_months_says_so(tallybook: Command, embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 16, team="a")], first=10)
    assert closing.close(embedded, Month(2026, 10), accept="fine", by="ann", now=1_793_900_000_000_000).hash
    done = tallybook("team", "add", "a", "--cost-center", "CC-1")
    assert "closed already: 2026-10" in done.stdout


def test_a_code_of_two_cost_centres_is_refused(tallybook: Command) -> None:
    for code in ("CC-1", "CC-2"):
        assert tallybook("cost-center", "add", code, "--name", "Research", "--gl", "6400").exit_code == 0
    assert tallybook("team", "add", "maps", "--cost-center", "Research").exit_code == 2
    assert tallybook("team", "add", "maps", "--cost-center", " ").exit_code == 2


def test_ownership_is_taken_back(tallybook: Command) -> None:
    tallybook("team", "add", "search")
    tallybook("owner", "set", "vk-1", "--team", "search", "--from", "always")
    tallybook("owner", "set", "vk-1", "--none", "--from", "2026-10-15")
    assert spend(tallybook, "team") == {"search": "1", None: "47"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vk-1", "--team", "nobody"), "knows no team 'nobody'; add it with `tallybook team add`"),
        (("vk-9", "--team", "search"), "knows no key 'vk-9'; add it with `tallybook key add`"),
        (("vk-1", "--team", "search=0"), "'0' is no number of parts"),
        (("vk-1", "--team", "search", "--from", "2026-10-05T10:00:00Z"), "ownership changes at midnight"),
        (
            ("vk-1", "--team", "search", "--from", "2026-10-05", "--to", "2026-10-05"),
            "must end after it starts",
        ),
        (("vk-1", "--team", "search=1", "--team", "search=2"), "a team is named twice"),
        (("vk-1", "--team", "search=60", "--team", "ads"), "write the parts of each"),
        (("vk-1", "--customer", "Acme", "--project", "x"), "name one of KEY"),
        (("vk-1",), "name --team"),
        (("--project", "x", "--cost-center", "CC-7"), "a team has customers and cost centres"),
    ],
)
def test_what_is_no_assignment_is_refused_with_what_to_write(
    tallybook: Command, busy: Ledger, words: tuple[str, ...], said: str
) -> None:
    tallybook("team", "add", "search")
    refused = tallybook("owner", "set", *words)
    assert refused.exit_code == 2
    assert said in " ".join(refused.output.replace("│", " ").split())
    with busy.reading() as connection:
        assert assignments(connection) == []


def test_a_name_that_several_keys_have_is_not_guessed(tallybook: Command, busy: Ledger) -> None:
    put(busy, [call("2026-10-05T10:00:00Z", 1, virtual_key="vk-2", virtual_key_name="Web")], first=5)
    tallybook("team", "add", "search")
    refused = tallybook("owner", "set", "Web", "--team", "search")
    assert "'Web' is what 2 keys are called: write the id, one of vk-1, vk-2" in refused.output


def test_a_back_dated_change_says_which_closed_month_it_reaches(tallybook: Command, busy: Ledger) -> None:
    put(busy, [call("2026-09-30T10:00:00Z", 0, virtual_key="vk-1")], first=6)
    closing.close(busy, Month(2026, 9), accept=None, by="ann", now=1_793_900_000_000_000)
    tallybook("team", "add", "search")
    done = tallybook("owner", "set", "vk-1", "--team", "search", "--from", "2026-09-30")
    assert "closed already: 2026-09; what changes there is booked in the next open month" in done.stdout
    later = tallybook("owner", "set", "vk-1", "--team", "search", "--from", "2026-10-01")
    assert "closed" not in later.stdout


def test_every_change_is_told_with_who_made_it(tallybook: Command, busy: Ledger) -> None:
    tallybook("team", "add", "search")
    tallybook("owner", "set", "vk-1", "--team", "search", "--from", "2026-10-10", "--reason", "moved")
    with busy.reading() as connection:
        said = [(one.action, one.subject) for one in entries(connection)]
    assert said == [("owner set", "Web"), ("team add", "search")]
    rows = object_of(tallybook("owner", "list", "--json"))["owners"]
    assert [(row["subject"], row["from"], row["targets"], row["reason"]) for row in rows] == [
        ("Web", "2026-10-10", [{"name": "search", "parts": 1}], "moved")
    ]
    assert "Web" in tallybook("owner", "list", "--at", "2026-10-10").stdout
    assert "nothing is assigned" in tallybook("owner", "list", "--at", "2026-10-09").stdout
    assert "nothing is assigned" in tallybook("owner", "list", "--as-of", "2020-01-01").stdout


def test_a_page_and_the_command_note_the_same_of_an_owner(tallybook: Command, busy: Ledger) -> None:
    tallybook("team", "add", "search")
    words = ("--team", "search=1", "--from", "2026-10-10", "--reason", "moved")
    tallybook("owner", "set", "vk-1", *words)
    done = team_callbacks.assign_key(busy, AssignmentForm("vk-1", ["search"], None, "2026-10-10", "moved"))
    assert isinstance(done, RecordedAssignment)
    with busy.reading() as connection:
        page, command = entries(connection, action="owner set")
    assert (page.subject, page.detail) == (command.subject, command.detail)
    assert page.by == "dashboard"


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ({"first": "soon"}, "bad_day", "from"),
        ({"first": "2026-10-05", "end": "2026-10-05"}, "empty_range", "to"),
        ({"reason": "x" * 501}, "too_long", "reason"),
        ({"subject_kind": "project", "subject": " "}, "no_subject", "project"),
        ({"targets": ("search=x",)}, "bad_parts", None),
        ({"targets": ("search=1", "ads")}, "mixed_parts", None),
        ({"targets": ("search", "search")}, "named_twice", None),
        ({"subject": "vk-9"}, "not_known", None),
    ],
)
def test_a_refused_assignment_names_the_field_at_fault(
    tallybook: Command, busy: Ledger, wanted: dict[str, Any], code: str, field: str | None
) -> None:
    tallybook("team", "add", "search")
    asked = AssignOptions(
        **({"subject_kind": "virtual_key", "subject": "vk-1", "targets": ("search",)} | wanted)
    )
    with pytest.raises(Invalid) as refused:
        assign(busy, asked, at=0, by="ann")
    assert (refused.value.code, refused.value.field) == (code, field)
    assert "--" not in refused.value.message


def test_a_team_whose_customer_is_unknown_is_not_added_either(tallybook: Command, busy: Ledger) -> None:
    refused = tallybook("team", "add", "maps", "--customer", "nobody")
    assert refused.exit_code == 2
    assert "knows no customer 'nobody'" in refused.stderr
    assert "knows no team 'maps'" in tallybook("owner", "set", "vk-1", "--team", "maps").stderr
    with busy.reading() as connection:
        assert entries(connection) == []


def test_a_reason_that_is_too_long_is_refused_by_its_label(tallybook: Command, busy: Ledger) -> None:
    tallybook("team", "add", "search")
    said = team_callbacks.assign_key(busy, AssignmentForm("vk-1", ["search"], None, None, "x" * 501))
    assert said == "Not assigned: Reason: at most 500 characters."


def test_keys_that_nobody_owns_are_listed_by_spend(tallybook: Command) -> None:
    tallybook("team", "add", "search")
    words = ("owner", "unassigned", "--from", "2026-10-01", "--to", "2026-11-01", "--json")
    assert [row["virtual_key"] for row in object_of(tallybook(*words))["keys"]] == ["Web", "sk-bf-…cdef"]
    tallybook("owner", "set", "vk-1", "--team", "search", "--from", "always")
    assert [row["virtual_key"] for row in object_of(tallybook(*words))["keys"]] == ["sk-bf-…cdef"]


def test_calls_that_come_later_belong_to_whom_was_said_before(tallybook: Command, busy: Ledger) -> None:
    tallybook("team", "add", "search")
    tallybook("key", "add", "vk-5", "--name", "Later")
    tallybook("owner", "set", "Later", "--team", "search", "--from", "always")
    put(busy, [call("2026-10-05T10:00:00Z", 5, virtual_key="vk-5")], first=5)
    assert spend(tallybook, "team") == {"search": "5", None: "147"}


CONFIG = {
    "governance": {
        "customers": [{"id": "c-1", "name": "Acme"}],
        "teams": [{"id": "t-1", "name": "Search", "customer_id": "c-1"}],
        "virtual_keys": [
            {"id": "vk-1", "name": "Web", "value": "env.WEB_KEY", "team_id": "t-1"},
            {"id": "vk-2", "name": "Lab", "customer_id": "c-1"},
        ],
    }
}


def test_a_gateways_configuration_says_who_owns_its_keys(tallybook: Command, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    assert object_of(tallybook("directory", "import", str(path), "--json"))["owners"] == 3
    assert object_of(tallybook("directory", "import", str(path), "--json"))["owners"] == 0
    assert spend(tallybook, "team") == {"Search": "14", None: "7"}
    assert spend(tallybook, "customer") == {"Acme": "14", None: "7"}


def test_a_key_that_the_gateway_moves_belongs_to_its_new_team_from_today_on(
    tallybook: Command, busy: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    tallybook("directory", "import", str(path))
    moved = json.loads(path.read_text())
    moved["governance"]["teams"].append({"id": "t-2", "name": "Ads"})
    moved["governance"]["virtual_keys"][0]["team_id"] = "t-2"
    path.write_text(json.dumps(moved))
    assert object_of(tallybook("directory", "import", str(path), "--json"))["owners"] == 1
    assert spend(tallybook, "team") == {"Search": "14", None: "7"}  # of October, which is over
    put(busy, [call("2100-01-01T10:00:00Z", 5, virtual_key="vk-1")], first=5)
    rows = object_of(
        tallybook("spend", "--by", "team", "--from", "2100-01-01", "--to", "2100-01-02", "--json")
    )["rows"]
    assert [row["team"] for row in rows] == ["Ads"]


@pytest.mark.parametrize("shares", [("60%", "40%"), ("0.6", "0.4"), ("60", "40")])
def test_shares_of_a_table_are_parts_percent_or_fractions(
    tallybook: Command, tmp_path: Path, shares: tuple[str, str]
) -> None:
    table = tmp_path / "owners.csv"
    table.write_text(
        f"kind,id,team,share,from\nkey,vk-1,search,{shares[0]},always\nkey,vk-1,ads,{shares[1]},always\n"
    )
    assert tallybook("directory", "import", str(table)).exit_code == 0
    assert spend(tallybook, "team") == {"search": "84", "ads": "56", None: "7"}


@pytest.mark.parametrize("share", ["0", "33.5%", "half", "0.335", "-1", "nan"])
def test_a_share_of_a_table_is_whole(tallybook: Command, tmp_path: Path, share: str) -> None:
    table = tmp_path / "owners.csv"
    table.write_text(f"kind,id,team,share\nkey,vk-1,search,{share}\n")
    refused = tallybook("directory", "import", str(table))
    assert (refused.exit_code, "is no whole number of parts or of percent" in refused.output) == (3, True)


def test_a_table_names_owners_shares_and_days(tallybook: Command, tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text(
        "kind,id,team,share,from,cost_center,gl_code\n"
        "key,vk-1,search,60,2026-10-10,,\n"
        "key,vk-1,ads,40,2026-10-10,,\n"
        "team,search,,,always,CC-7,\n"
        "cost_center,CC-7,,,,,6400\n"
        "key,vk-1,ads,x,2026-10-11,,\n"
        "key,vk-1,ads,1,soon,,\n"
    )
    done = tallybook("directory", "import", str(path), "--json")
    assert done.exit_code == 3
    answer = json.loads(done.stdout)
    assert [(one["line"], one["code"]) for one in answer["rejections"]] == [(6, "bad_link"), (7, "bad_link")]
    assert spend(tallybook, "team") == {"search": "24", "ads": "16", None: "107"}
    assert spend(tallybook, "cost_center") == {"CC-7": "24", None: "123"}
    assert "6400" in tallybook("directory", "export").stdout


def test_what_is_exported_says_the_same_when_it_is_read(
    tallybook: Command, busy: Ledger, fresh_ledger: Callable[[], Ledger], tmp_path: Path
) -> None:
    for team in ("search", "ads"):
        tallybook("team", "add", team)
    tallybook("owner", "set", "vk-1", "--team", "search=60", "--team", "ads=40", "--from", "2026-10-10")
    tallybook("owner", "set", "vk-1", "--none", "--from", "2026-10-15", "--to", "2026-10-16")
    out = tmp_path / "directory.csv"
    tallybook("directory", "export", "--out", str(out))
    assert object_of(tallybook("directory", "import", str(out), "--json"))["owners"] == 0
    _same_after_import(busy, fresh_ledger(), out)


def _same_after_import(ledger: Ledger, other: Ledger, path: Path) -> None:
    read = lists.read(path, other.keyring)
    assert read.faults == []
    import_list(other, read.entries, at=1, by="ann")
    assert directory_rows(other) == directory_rows(ledger)


MOVES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["red", "blue"]), st.integers(1, 3), max_size=2),
        st.integers(20_000, 20_020) | st.just(FIRST_DAY),
        st.integers(20_021, 20_040),
    ),
    max_size=5,
)


@given(MOVES)
@examples(6)
def test_any_history_survives_export_and_import(
    fresh_ledger: Callable[[], Ledger], tmp_path_factory: pytest.TempPathFactory, moves: Any
) -> None:
    from dashboard.directory.commands import _write

    with fresh_ledger() as ledger, fresh_ledger() as other:
        key = entry(ledger, "virtual_key", "vk-1")
        teams = {name: entry(ledger, "team", name) for name in ("red", "blue")}
        made = [
            Assignment(
                subject_kind="virtual_key",
                subject=str(key),
                target_kind="team",
                targets=tuple(Target(teams[name], parts) for name, parts in sorted(targets.items())),
                first_day=first,
                end_day=end,
                recorded_at=at,
            )
            for at, (targets, first, end) in enumerate(moves)
        ]
        with ledger.writing() as connection:
            record(connection, made)
        path = tmp_path_factory.mktemp("lists") / "list.csv"
        with path.open("w", newline="") as file:
            _write(file, directory_rows(ledger), as_json=False)
        _same_after_import(ledger, other, path)


@pytest.fixture
def client(busy: Ledger) -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(make_router(busy))
    return TestClient(app)


def test_what_was_recorded_is_asked_for_by_a_key_however_it_is_named(
    tallybook: Command, client: TestClient
) -> None:
    for words in (
        ("Web", "--team", "a=60", "--team", "b=40"),
        (SECRET_KEY, "--team", "a"),
        ("Web", "--none"),
    ):
        for team in ("a", "b"):
            tallybook("team", "add", team)
        assert tallybook("owner", "set", *words, "--from", "2026-10-10").exit_code == 0
    for name in ("Web", "vk-1"):
        found = client.get("/v1/owners", params={"subject": name}).json()["owners"]
        assert [one["targets"] for one in found] == [
            [],
            [{"name": "a", "parts": 60}, {"name": "b", "parts": 40}],
        ]
        assert object_of(tallybook("owner", "list", name, "--json"))["owners"] == found
    (secret,) = object_of(tallybook("owner", "list", SECRET_KEY, "--json"))["owners"]
    assert SECRET_KEY not in secret["subject"]
    assert len(client.get("/v1/owners").json()["owners"]) == 3
    assert client.get("/v1/owners?subject=nobody").json() == {"owners": []}


def test_owners_are_those_of_a_day_as_known_at_a_time(tallybook: Command, client: TestClient) -> None:
    tallybook("team", "add", "a")
    tallybook("owner", "set", "Web", "--team", "a", "--from", "2026-10-10", "--to", "2026-10-12")
    assert [
        len(client.get(f"/v1/owners?at=2026-10-{day}").json()["owners"]) for day in ("09", "10", "12")
    ] == [
        0,
        1,
        0,
    ]
    assert client.get("/v1/owners?as_of=2026-01-01").json() == {"owners": []}
    (row,) = csv.DictReader(io.StringIO(client.get("/v1/owners?format=csv").text))
    assert (row["subject"], row["target"], row["parts"]) == ("Web", "a", "1")
    assert (row["from"], row["to"]) == ("2026-10-10", "2026-10-12")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("at=soon", "invalid_time"),
        ("as_of=later", "invalid_time"),
        ("team=a", "unknown_parameter"),
        ("format=xml", "unknown_format"),
        ("subject=Twin", "ambiguous_subject"),
    ],
)
def test_a_question_about_owners_that_is_not_understood_is_refused(
    busy: Ledger, client: TestClient, asked: str, code: str
) -> None:
    twins = [
        call("2026-10-05T10:00:00Z", 1, virtual_key=f"vk-t{at}", virtual_key_name="Twin") for at in range(2)
    ]
    put(busy, twins, first=9)
    found = client.get(f"/v1/owners?{asked}")
    assert (found.status_code, found.json()["code"]) == (422, code)
