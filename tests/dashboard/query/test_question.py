"""Questions as people write them, and what is said of those that cannot be asked."""

from datetime import UTC, datetime

import pytest

from dashboard.query.question import (
    Filter,
    Period,
    QuestionError,
    QuestionText,
    SpendQuery,
    parse,
    period_before,
)
from dashboard.query.rewrite import rewrite
from ingest.model.zone import Zone

BERLIN = Zone("Europe/Berlin")
NOW = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
"""Already the 6th in Berlin."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ask(**words: object) -> SpendQuery:
    return parse(QuestionText(**words), BERLIN, NOW)  # type: ignore[arg-type]


def test_without_words_it_asks_for_thirty_days_and_today() -> None:
    query = ask()
    assert query.period == Period(utc("2026-10-06T22:00:00"), utc("2026-11-06T23:00:00"))
    assert (query.zone, query.interval, query.dimensions) == ("Europe/Berlin", None, ())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-25", "2026-10-24T22:00:00"),
        ("2026-10-26", "2026-10-25T23:00:00"),
        ("2026-10-25T01:30:00Z", "2026-10-25T01:30:00"),
        ("2026-10-25t01:30:00.250000z", "2026-10-25T01:30:00.250000"),
        ("2026-10-25T01:30:00+02:00", "2026-10-24T23:30:00"),
        ("2026-10-25T01:30:00 02:00", "2026-10-24T23:30:00"),
        ("2026-10-25T01:30:00.1234567890-01:00", "2026-10-25T02:30:00.123456"),
    ],
)
def test_a_date_is_a_midnight_of_the_zone_and_a_time_is_itself(text: str, moment: str) -> None:
    assert ask(start=text).period.start == utc(moment)


def test_dates_are_midnights_of_the_questions_own_zone() -> None:
    assert ask(start="2026-10-25", timezone="Asia/Kolkata").period.start == utc("2026-10-24T18:30:00")


def test_names_come_comma_separated_or_repeated_and_count_once() -> None:
    query = ask(by=["model, team", "model"], metric=["total_cost,requests", "requests"])
    assert query.dimensions == ("model", "team")
    assert query.metrics == ("total_cost", "requests")


def test_values_of_one_dimension_are_alternatives_and_nothing_means_none() -> None:
    query = ask(where=["model=gpt-4o", "team=", "model=a=b", "model=gpt-4o", "label:app=x"])
    assert query.filters == (
        Filter("model", ("gpt-4o", "a=b")),
        Filter("team", (None,)),
        Filter("label:app", ("x",)),
    )


@pytest.mark.parametrize(
    ("words", "code", "parameter", "says"),
    [
        ({"by": ["colour"]}, "unknown_dimension", "by", "provider"),
        ({"by": ["label:"]}, "unknown_dimension", "by", "label:<key>"),
        ({"metric": ["price"]}, "unknown_metric", "metric", "total_cost"),
        ({"where": ["model"]}, "invalid_filter", "where", "DIMENSION=VALUE"),
        ({"where": ["colour=red"]}, "unknown_dimension", "where", "colour"),
        ({"where": ["time=2026"]}, "invalid_filter", "where", "from and to"),
        ({"where": ["cache_hit=yes"]}, "invalid_filter", "where", "true or false"),
        ({"where": ["model=a\0b"]}, "invalid_filter", "where", "NUL"),
        ({"interval": "year"}, "unknown_interval", "interval", "hour, day, week, month"),
        ({"timezone": "Mars/Olympus"}, "unknown_timezone", "timezone", "Mars/Olympus"),
        ({"timezone": "../etc/passwd"}, "unknown_timezone", "timezone", "passwd"),
        ({"start": "yesterday"}, "invalid_time", "from", "yesterday"),
        ({"start": "2026-02-30"}, "invalid_time", "from", "2026-02-30"),
        ({"end": "2026-10-01T10:00:00"}, "invalid_time", "to", "RFC 3339"),
        ({"start": "0001-01-01"}, "invalid_time", "from", "0001-01-01"),
        ({"end": "9999-12-31"}, "invalid_time", "to", "9999-12-31"),
        ({"start": "2026-10-02", "end": "2026-10-02"}, "empty_period", "from", "end after it starts"),
        ({"compare": "next"}, "unknown_compare", "compare", "previous"),
    ],
)
def test_a_mistake_is_named_with_its_parameter_and_what_is_allowed(
    words: dict[str, object], code: str, parameter: str, says: str
) -> None:
    with pytest.raises(QuestionError, match=says.replace(".", r"\.")) as caught:
        ask(**words)
    assert (caught.value.code, caught.value.parameter) == (code, parameter)


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        ("2026-10-01", "2026-11-01", ("2026-09-01", "2026-10-01")),
        ("2026-01-01", "2026-03-01", ("2025-11-01", "2026-01-01")),
        ("2026-10-20", "2026-10-27", ("2026-10-13", "2026-10-20")),
        ("2026-10-25T10:00:00Z", "2026-10-25T12:00:00Z", ("2026-10-25T08:00:00Z", "2026-10-25T10:00:00Z")),
    ],
)
def test_the_period_before_is_as_many_months_or_days_or_as_long(
    start: str, end: str, before: tuple[str, str]
) -> None:
    period = ask(start=start, end=end).period
    assert period_before(period, BERLIN) == ask(start=before[0], end=before[1]).period


@pytest.mark.parametrize(
    ("start", "end", "interval"),
    [
        ("2026-10-24", "2026-10-26", "hour"),
        ("2026-10-01", "2026-11-10", "day"),
        ("2026-01-01", "2026-12-01", "week"),
        ("2025-01-01", "2026-12-01", "month"),
    ],
)
def test_the_interval_follows_from_the_range(start: str, end: str, interval: str) -> None:
    assert rewrite(ask(by=["time"], start=start, end=end)).interval == interval


def test_rewriting_completes_a_question_and_a_complete_one_stays() -> None:
    query = rewrite(ask(by=["model"], interval="day"))
    assert query.dimensions == ("time", "model")
    assert query.order == ("time", "-total_cost")
    assert "unpriced_requests" in query.metrics
    assert rewrite(query) == query


def test_without_time_there_is_no_interval() -> None:
    assert rewrite(ask(by=["model"])).interval is None


def test_more_rows_than_anybody_reads_are_refused() -> None:
    with pytest.raises(QuestionError, match="use a longer one"):
        rewrite(ask(interval="hour", start="2020-01-01", end="2026-01-01"))
