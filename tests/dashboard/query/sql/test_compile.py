"""Statements are reviewed as text, one file per question and database, and executed on both.

`UPDATE_STATEMENTS=1 pytest tests/dashboard/query/sql/test_compile.py` writes the files again; the difference
is for a person to read.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from dashboard.query.plan import Grain, plan
from dashboard.query.question import QuestionText, SpendQuery, parse
from dashboard.query.rewrite import rewrite
from dashboard.query.run import run
from dashboard.query.sql.compile import compile_query
from ingest.ledger.engine import Ledger
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.rollups import roll
from ingest.model.zone import Zone
from tests.support.calls import call, put
from tests.support.paths import TESTS

STATEMENTS: Final = TESTS / "statements"
NOW: Final = datetime(2026, 11, 5, 12, tzinfo=UTC)
make_postgresql: Callable[[], sa.Dialect] = PGDialect_psycopg
DIALECTS: Final[dict[str, sa.Dialect]] = {
    "sqlite": SQLiteDialect_pysqlite(),
    "postgresql": make_postgresql(),
}
QUESTIONS: Final = {
    "totals_of_a_month": QuestionText(metric=["total_cost"], start="2026-10-01", end="2026-11-01"),
    "spend_by_day_and_model": QuestionText(
        by=["time,model"], metric=["total_cost"], interval="day", start="2026-10-01"
    ),
    "latency_by_team_for_one_model": QuestionText(
        by=["team"], metric=["latency_p95"], where=["model=gpt-4o"], start="2026-10-01"
    ),
    "requests_by_hour_of_a_cut_period": QuestionText(
        by=["time"],
        metric=["requests"],
        interval="hour",
        start="2026-10-24T22:30:00Z",
        end="2026-10-26T00:15:00Z",
    ),
    "requests_by_day_elsewhere": QuestionText(
        by=["time"],
        metric=["requests"],
        interval="day",
        timezone="Europe/Berlin",
        start="2026-10-20",
        end="2026-11-01",
    ),
    "spend_by_end_user_and_label": QuestionText(
        by=["end_user,label:app"], metric=["errors"], where=["team=ml", "team="]
    ),
}

# The answers to these are in test_owned_spend and test_converted_spend.
OWNED: Final = {
    "spend_by_owning_team": QuestionText(
        by=["team"], metric=["total_cost"], start="2026-10-01", end="2026-11-01"
    ),
    "spend_by_key_and_day_of_an_owning_customer": QuestionText(
        by=["time,virtual_key"],
        metric=["total_cost,requests"],
        where=["customer=acme"],
        interval="day",
        start="2026-10-01",
        end="2026-11-01",
    ),
}
CONVERTED: Final = {
    "spend_in_another_currency": QuestionText(
        metric=["total_cost"], start="2026-10-01", end="2026-11-01", currency="EUR"
    ),
    "spend_by_hour_and_provider_in_another_currency": QuestionText(
        by=["time,provider"],
        metric=["total_cost"],
        interval="hour",
        start="2026-10-24T22:30:00Z",
        end="2026-10-26T00:15:00Z",
        currency="EUR",
    ),
}
TEXTS: Final = QUESTIONS | OWNED | CONVERTED


def question(name: str) -> SpendQuery:
    return rewrite(parse(TEXTS[name], Zone("UTC"), NOW))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", TEXTS)
def test_statement_text(name: str, dialect: str) -> None:
    compiled = compile_query(question(name), Zone("UTC"), KeyRing(b"secret"), by_share=name in OWNED)
    statement = compiled.select
    text = str(statement.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True}))
    lines = "".join(
        f"{line.rstrip()}\n" for line in text.replace(" UNION ALL ", "\nUNION ALL\n").splitlines()
    )
    golden = STATEMENTS / f"{name}.{dialect}.sql"
    if os.environ.get("UPDATE_STATEMENTS"):
        golden.write_text(lines)
    assert lines == golden.read_text()


@pytest.mark.parametrize(
    ("words", "zone", "grain"),
    [
        (QuestionText(), "UTC", "day"),
        (QuestionText(by=["time"], interval="month"), "Asia/Kolkata", "day"),
        (QuestionText(by=["model"], timezone="Asia/Kolkata"), "UTC", "day"),
        (QuestionText(by=["time"], interval="day", timezone="Europe/Paris"), "Europe/Berlin", "day"),
        (QuestionText(by=["time"], interval="day", timezone="Europe/Berlin"), "UTC", "slot"),
        (QuestionText(by=["time"], interval="day", timezone="Europe/Berlin"), "Asia/Kolkata", "slot"),
        (QuestionText(by=["time"], interval="day", timezone="Asia/Kolkata"), "UTC", "event"),
        (QuestionText(by=["time"], interval="hour"), "UTC", "slot"),
        (QuestionText(start="2026-11-05T01:00:00Z"), "UTC", "slot"),
        (QuestionText(by=["end_user"]), "UTC", "event"),
        (QuestionText(where=["label:app=a"]), "UTC", "event"),
    ],
)
def test_the_smallest_grain_that_can_answer_is_read(words: QuestionText, zone: str, grain: Grain) -> None:
    assert plan(rewrite(parse(words, Zone(zone), NOW)), Zone(zone)).grain == grain


def test_questions_without_a_who_read_the_small_day_rollup() -> None:
    by_model = compile_query(question("spend_by_day_and_model"), Zone("UTC"), KeyRing(b"secret"))
    by_team = compile_query(question("latency_by_team_for_one_model"), Zone("UTC"), KeyRing(b"secret"))
    assert "FROM rollup_day_model" in str(by_model.select)
    assert "FROM rollup_day " in str(by_team.select).replace("\n", " ")


CALLS = (
    call(
        "2026-10-24T22:45:00Z", 10**12, model="gpt-4o", team="ml", latency_us=1_000_000, labels={"app": "a"}
    ),
    call("2026-10-25T22:10:00Z", 3, model="claude", status="error", end_user="ann"),
    call("2026-10-26T00:05:00Z", 9 * 10**18, model="gpt-4o", team="ml", latency_us=2_000_000),
    call("2026-10-26T00:20:00Z", 9 * 10**18, model="gpt-4o", team="ops"),
    call("2026-10-28T00:20:00Z", None, model="new"),
)
ANSWERS: dict[str, dict[tuple[str | bool | None, ...], tuple[str, ...]]] = {
    "totals_of_a_month": {(): ("18000001.000000000003",)},
    "spend_by_day_and_model": {
        ("2026-10-24", "gpt-4o"): ("1.000000000000",),
        ("2026-10-25", "claude"): ("3E-12",),
        ("2026-10-26", "gpt-4o"): ("18000000.000000000000",),
        ("2026-10-28", "new"): ("0E-12",),
    },
    "latency_by_team_for_one_model": {("ml",): ("1993.544",), ("ops",): ("None",)},
    "requests_by_hour_of_a_cut_period": {
        ("2026-10-24T22:00:00Z",): ("1",),
        ("2026-10-25T22:00:00Z",): ("1",),
        ("2026-10-26T00:00:00Z",): ("1",),
    },
    "requests_by_day_elsewhere": {("2026-10-25",): ("2",), ("2026-10-26",): ("2",), ("2026-10-28",): ("1",)},
    "spend_by_end_user_and_label": {(None, "a"): ("0",), (None, None): ("0",), ("ann", None): ("1",)},
}


@pytest.mark.parametrize("clean", [0, 2, len(CALLS)])
def test_statements_answer(ledger: Ledger, clean: int) -> None:
    put(ledger, CALLS[:clean])
    roll(ledger)
    put(ledger, CALLS[clean:], first=clean)
    for name, expected in ANSWERS.items():
        result = run(ledger, question(name))
        held = {
            row.key: tuple(map(str, row.values))
            for row in result.rows
            if row.values[0] != 0 or "time" not in row.key
        }
        assert {key: held[key] for key in expected} == expected, name


def test_every_question_has_an_answer() -> None:
    assert set(ANSWERS) == set(QUESTIONS)
