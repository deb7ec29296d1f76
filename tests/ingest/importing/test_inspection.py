"""`tallybook import --inspect` and `--mapping` as a person runs them.

The person looks, takes the proposal, imports, mends and retries.
"""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mapping import TableMapping
from ingest.mapping.proposal import NothingToMap, propose
from ingest.mapping.sample import sample_columns
from tests.support.import_runs import Run, lines, response

TABLE = """\
Created At,Request ID,Model Name,Prompt Tokens,Cached Tokens,Completion Tokens,Cost (USD),Duration ms,Result,Department,Prompt,API Key
2026-10-01 12:00:00,r-1,gpt-4o,"1,500",1000,20,0.0012,812.5,ok,search,Tell me a long story about SECRET things please,sk-bf-123
2026-10-01 12:00:01,r-2,gpt-4o,800,0,20,0.0007,500,failed,search,What is SECRET?,sk-bf-123
2026-10-01 12:00:02,r-3,claude-sonnet-4-5,12,NULL,3,0.0001,90,ok,sales,Hello SECRET,sk-bf-456
Total,,,"2,312",,,0.002,,,,,
"""


def proposed(*rows: dict[str, Any]) -> str:
    return propose(sample_columns([json.dumps(row).encode() for row in rows]), "folder/export.jsonl")


def value_of(text: str, *path: str) -> Any:
    found: Any = tomllib.loads(text)
    for step in path:
        found = found.get(step)
    return found


def test_an_unknown_table_is_shown_and_its_proposal_imports_it(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(TABLE)
    looked = tallybook("import", "--inspect", "export.csv")
    assert looked.returncode == 0
    assert "Prompt Tokens" in looked.stderr
    assert "SECRET" not in looked.stdout + looked.stderr
    assert "sk-bf-1" not in looked.stdout + looked.stderr
    assert not (tmp_path / "mine.db").exists(), "to look is not to import"
    (tmp_path / "map.toml").write_text(looked.stdout)
    dry = json.loads(tallybook("import", "export.csv", "--mapping", "map.toml", "--dry-run", "--json").stdout)
    told = json.loads(tallybook("import", "export.csv", "--mapping", "map.toml", "--json").stdout)
    assert dry["accepted"] == told["accepted"] == 3
    assert told["files"][0]["format"] == "mapping:export"
    assert (told["files"][0]["passed_over"], told["rejected"]) == (1, 0)
    spent = json.loads(
        tallybook(
            "spend", "--json", "--by", "model", "--from", "2026-10-01", "--to", "2026-10-02",
            "--metric", "requests,errors,total_cost,input_tokens,cache_read_tokens",
        ).stdout
    )  # fmt: skip
    assert spent["totals"] == {
        "requests": 3,
        "errors": 1,
        "total_cost": "0.002",
        "input_tokens": 2312,
        "cache_read_tokens": 1000,
    }


def test_what_a_mapping_gives_is_shown_before_it_is_imported(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(TABLE)
    (tmp_path / "map.toml").write_text(tallybook("import", "--inspect", "export.csv").stdout)
    looked = tallybook("import", "--inspect", "export.csv", "--mapping", "map.toml")
    assert looked.returncode == 0
    for shown in (
        "mapping:export",
        "records that are no calls: 1",
        "2026-10-01T12:00:00+00:00",
        "(set)",
        "0.0012",
    ):
        assert shown in looked.stdout
    (tmp_path / "map.toml").write_text(looked.stdout)
    broken = tallybook("import", "--inspect", "export.csv", "--mapping", "map.toml")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert "tallybook: map.toml: not TOML" in broken.stderr


def test_a_known_file_is_called_by_its_format(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(lines(response(1), response(2, usage="x")))
    looked = tallybook("import", "--inspect", "calls.jsonl")
    assert looked.returncode == 3
    assert "calls.jsonl: completion, a completion response" in looked.stdout
    assert "calls.jsonl:2: would be rejected (wrong_type): usage is" in looked.stdout
    assert "SECRET WORDS" not in looked.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv"], "missing.csv: No such file"),
        (["a.csv", "b.csv"], "name one file"),
        (["a.csv", "--mapping", "nowhere.toml"], "nowhere.toml: No such file"),
        (["a.csv", "--mapping", "a.csv", "--format", "completion"], "leave out --format"),
    ],
)
def test_a_wrong_call_is_explained(tallybook: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "a.csv").write_text("hello,world\n1,2\n")
    done = tallybook("import", "--inspect", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_table_without_a_time_gets_no_proposal(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("hello,world\n1,2\n")
    done = tallybook("import", "--inspect", "a.csv")
    assert (done.returncode, done.stdout) == (3, "")
    assert "a call has a time" in done.stderr


def rejected(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stdout.splitlines()[0]


def test_rows_that_were_rejected_are_read_again_with_a_mended_mapping(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text(TABLE)
    text = tallybook("import", "--inspect", "export.csv").stdout
    (tmp_path / "map.toml").write_text(text.replace('"failed" = "error"', '"other" = "error"'))
    done = tallybook("import", "export.csv", "--mapping", "map.toml")
    assert done.returncode == 3
    assert "column 'Result' is \"failed\": one of success, error, cancelled is expected" in done.stdout
    assert "0 of 1 records are events now" in rejected(tallybook("rejected", "retry"))
    assert "0 of 1 records are events now" in rejected(
        tallybook("rejected", "retry", "--mapping", "map.toml")
    )
    (tmp_path / "other.toml").write_text(text.replace('source = "export"', 'source = "other"'))
    assert "0 of 1 records are events now" in rejected(
        tallybook("rejected", "retry", "--mapping", "other.toml")
    )
    (tmp_path / "mended.toml").write_text(text)
    assert "1 of 1 records are events now" in rejected(
        tallybook("rejected", "retry", "--mapping", "mended.toml")
    )
    for file in tmp_path.glob("mine.db*"):
        assert b"SECRET" not in file.read_bytes()
        assert b"sk-bf-123" not in file.read_bytes()
    again = json.loads(tallybook("import", "export.csv", "--mapping", "mended.toml", "--json").stdout)
    assert again["accepted"] == 0, "the row that was retried is known by its key"


def test_formats_are_described_on_the_command_line(tallybook: Run) -> None:
    assert "bifrost-log" in tallybook("formats").stdout
    assert '"token_usage"' in tallybook("formats", "bifrost-log").stdout
    wrong = tallybook("formats", "nonsense")
    assert wrong.returncode == 2
    assert "there is no format of that name" in wrong.stderr


# What is proposed


@pytest.mark.parametrize(
    ("cells", "form", "zone"),
    [
        (["2026-10-01T12:00:00Z"], "iso", None),
        (["2026-10-01 12:00:00"], "iso", "UTC"),
        (["31.10.2026 12:00"], "%d.%m.%Y %H:%M", "UTC"),
        (["10/31/2026 1:05:00 PM"], "%m/%d/%Y %I:%M:%S %p", "UTC"),
        ([1_790_000_000, 1_790_000_000.5], "seconds", None),
        (["1790000000123"], "milliseconds", None),
        ([1_790_000_000_123_456_789], "nanoseconds", None),
    ],
)
def test_the_form_of_times_is_found_out(cells: list[Any], form: str, zone: str | None) -> None:
    text = proposed(*({"timestamp": cell, "model": "m"} for cell in cells))
    assert value_of(text, "time", "format") == form
    assert value_of(text, "time", "zone") == zone


def test_a_day_that_may_be_a_month_is_asked_about() -> None:
    assert "# or %d/%m/%Y?" in proposed({"date": "10/11/2026", "model": "m"})


def test_points_are_thousands_where_another_column_has_decimal_commas() -> None:
    rows = [
        {"Date": "05.11.2026 10:00:00", "Model": "m", "Prompt Tokens": "1.200", "Cost (EUR)": "0,0123"},
        {"Date": "06.11.2026 10:00:00", "Model": "m", "Prompt Tokens": "800", "Cost (EUR)": "0,0042"},
    ]
    proposed = tomllib.loads(propose(sample_columns(json.dumps(row).encode() for row in rows), "spend.csv"))
    assert proposed["numbers"] == {"decimal": ",", "thousands": "."}
    assert proposed["event"]["input_tokens"] == "Prompt Tokens"
    assert proposed["cost"] == {"currency": "EUR", "total": "Cost (EUR)"}


def test_decimal_commas_units_and_nested_names_are_found_out() -> None:
    row = {
        "ts": "", "when": "2026-10-01T12:00:00Z", "usage": {"promptTokens": "1.500", "completionTokens": "2.000,5"},
        "kosten": "0,0012 €", "latency_s": "0,8", "state": "succeeded",
    }  # fmt: skip
    text = proposed(row)
    assert value_of(text, "numbers") == {"decimal": ",", "thousands": "."}
    assert value_of(text, "event", "input_tokens") == "usage.promptTokens"
    assert value_of(text, "event", "latency") == {"column": "latency_s", "unit": "s"}
    assert value_of(text, "event", "status", "values") == {"succeeded": "success"}
    assert value_of(text, "cost") == {"currency": "EUR", "total": "kosten"}


@pytest.mark.parametrize(("cached", "inside"), [(5, True), (50, False)])
def test_whether_the_cache_is_in_the_input_is_guessed_from_the_counts(cached: int, inside: bool) -> None:
    text = proposed({"time": "2026-10-01T12:00Z", "input_tokens": 10, "cached_tokens": cached})
    assert value_of(text, "tokens", "cache_in_input") is inside


NAMES = st.sampled_from(
    ["time", "created_at", "model", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost",
     "input_cost", "cache_read_cost", "status", "latency", "key", 'odd "name"\n', "a.b", "currency", "id"]
)  # fmt: skip
CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2_000_000_000), st.text(max_size=6),
    st.sampled_from(["2026-10-01", "1,5", "1.234,5", "NULL", "ok", "Total", "EUR", "€ 1", "1790000000"]),
)  # fmt: skip


@given(st.lists(st.dictionaries(NAMES, CELLS, max_size=10), max_size=4))
def test_whatever_is_proposed_is_a_mapping(rows: list[dict[str, Any]]) -> None:
    try:
        text = proposed(*rows)
    except NothingToMap:
        return
    TableMapping(text, "map.toml")
