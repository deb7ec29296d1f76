"""What the page Prices reads and writes: the price list, one model through time, and a price set by hand."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from msgspec.structs import replace

from dashboard.pages.prices import model as model_page
from dashboard.pages.prices.callbacks import set_prices
from dashboard.prices import price_list
from dashboard.prices.api import make_router
from dashboard.prices.model_prices import priced_model
from dashboard.prices.price_list import PriceListLine, PricesQuery
from dashboard.prices.unpriced import unpriced_models
from dashboard.query.run import run
from dashboard.ui.charts import Step, step_lines
from dashboard.ui.components import notes
from dashboard.ui.view import View, from_search, question, to_search
from ingest.http import problems
from ingest.ledger import audit
from ingest.ledger import price_book as price_rows
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from ingest.price_book import set_command
from ingest.price_book.service import SetPriceOptions
from ingest.price_book.set_price import PriceRefused, points_of
from ingest.pricing.book import Alias
from ingest.pricing.history import history
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Unpriced
from ingest.pricing.terms import Term
from tests.support.calls import a_ledger, call, put
from tests.support.ledgers import SECRET

OCTOBER = from_search("?from=2026-10-01&to=2026-10-31")
MILLION = 1_000_000


def at(day: str) -> int:
    return micros(datetime.fromisoformat(day).replace(tzinfo=UTC))


def point(price: str | None, day: str | None = None, **facts: Any) -> PricePoint:
    plain = PricePoint(
        source="own",
        provider="acme",
        model="a-1",
        meter="input",
        price=None if price is None else Decimal(price),
        per=MILLION,
        valid_from=None if day is None else at(day),
        added_at=at("2026-09-01"),
        added_by="ana",
    )
    return replace(plain, **facts)


def add(ledger: Ledger, *points: PricePoint, terms: Any = (), aliases: Any = ()) -> None:
    with ledger.writing() as connection:
        price_rows.add_points(connection, points)
        price_rows.add_terms(connection, terms)
        price_rows.add_aliases(connection, aliases)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(ledger: Ledger) -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(make_router(ledger))
    return TestClient(app)


def listed(ledger: Ledger, search: str = "", on: str = "2026-11-01", **more: Any) -> list[PriceListLine]:
    used = question(OCTOBER, ledger.zone, ("requests",))
    return list(
        price_list.read_price_list(
            ledger, PricesQuery(at=at(on), usage_query=used, search=search, **more)
        ).lines
    )


def names(lines: list[PriceListLine]) -> list[str]:
    return ["/".join(one.name) for one in lines]


def test_the_list_holds_models_with_a_price_of_ones_own_of_the_release_and_models_that_are_called(
    ledger: Ledger,
) -> None:
    add(ledger, point("2.50"))
    put(ledger, [call("2026-10-05T10:00:00Z", None, provider="vllm", model="home-made")])
    everything = names(listed(ledger))
    assert {"acme/a-1/standard", "openai/gpt-5.4/standard", "openai/gpt-5.4/batch"} < set(everything)
    assert everything[0] == "vllm/home-made/standard"
    assert len(everything) == len(set(everything))


def test_every_word_of_a_search_is_met_in_any_order(ledger: Ledger) -> None:
    add(ledger, point("1"), point("2", service_tier="batch"))
    assert names(listed(ledger, "A-1 ACME")) == ["acme/a-1/standard", "acme/a-1/batch"]
    assert names(listed(ledger, "batch acme")) == ["acme/a-1/batch"]
    assert names(listed(ledger, "acme b-1")) == []


def test_what_costs_most_stands_first_and_what_is_meant_before_what_holds_it(ledger: Ledger) -> None:
    add(ledger, point("1"), point("1", model="a-1-mini"), point("1", model="a-10"), point("1", model="a-0"))
    assert names(listed(ledger, "acme"))[0] == "acme/a-0/standard"
    assert names(listed(ledger, "a-1", providers=("acme",)))[0] == "acme/a-1/standard"
    put(ledger, [call("2026-10-05T10:00:00Z", 10**12, provider="acme", model="a-10")])
    assert names(listed(ledger, "acme"))[0] == "acme/a-10/standard"


def test_a_limit_says_how_many_there_are_in_all(ledger: Ledger) -> None:
    add(ledger, *(point("1", model=f"a-{number}") for number in range(7)))
    used = question(OCTOBER, ledger.zone, ("requests",))
    found = price_list.read_price_list(ledger, PricesQuery(at("2026-11-01"), used, "acme", limit=3))
    assert (len(found.lines), found.in_all) == (3, 7)


def test_calls_are_counted_at_the_name_of_the_price_list(ledger: Ledger) -> None:
    made = {"model": "gemini-2.5-pro", "input_tokens": 10}
    put(
        ledger,
        [
            call("2026-10-05T10:00:00Z", 10**12, provider="google", **made),
            call("2026-10-05T11:00:00Z", 10**12, provider="google", **made),
            call("2026-10-05T12:00:00Z", None, provider="gemini", **made),
            call("2026-10-05T12:00:00Z", 5 * 10**12, provider="gemini", currency="EUR", **made),
            call("2026-11-05T12:00:00Z", 10**12, provider="gemini", **made),
        ],
    )
    (one,) = [one for one in listed(ledger, "gemini/gemini-2.5-pro standard") if one.use.requests]
    assert one.name == ("gemini", "gemini-2.5-pro", "standard")
    assert (one.use.requests, one.use.unpriced) == (4, 1)
    assert one.use.costs == {"USD": Decimal(2), "EUR": Decimal(5)}
    assert one.use.most_used_name in {("google", "gemini-2.5-pro"), ("gemini", "gemini-2.5-pro")}


def test_a_line_says_since_when_its_prices_hold_and_not_since_when_a_discount_does(ledger: Ledger) -> None:
    discount = Term(kind="discount", factor=Decimal("0.9"), provider="acme", valid_from=at("2026-10-01"))
    add(ledger, point("3"), point("2", "2026-06-01"), point("1", "2026-12-01"), terms=[discount])
    (now,) = listed(ledger, "acme")
    assert (now.since, rate(now)) == (at("2026-06-01"), Decimal(2))
    (before,) = listed(ledger, "acme", "2026-05-31")
    assert (before.since, rate(before)) == (None, Decimal(3))
    (after,) = listed(ledger, "acme", "2026-12-01")
    assert (after.since, rate(after)) == (at("2026-12-01"), Decimal(1))


def rate(line: PriceListLine) -> Decimal:
    assert isinstance(line.prices, PriceSet)
    return price_list.per_million(line.prices.by_meter["input"])


def test_a_line_says_that_large_calls_cost_something_else(ledger: Ledger) -> None:
    add(ledger, point("1"), point("2", above=200_000))
    (one,) = listed(ledger, "acme")
    assert one.higher is not None
    assert (rate(one), one.higher.above_input_tokens) == (Decimal(1), 200_000)
    flat = next(iter(listed(ledger, "openai text-embedding-3-small standard")))
    assert (flat.name.provider, flat.higher) == ("openai", None)


def test_a_price_that_is_added_is_seen_at_once(ledger: Ledger) -> None:
    assert listed(ledger, "acme") == []
    add(ledger, point("1"))
    assert [rate(one) for one in listed(ledger, "acme")] == [Decimal(1)]
    add(ledger, point("4"))
    assert [rate(one) for one in listed(ledger, "acme")] == [Decimal(4)]


def test_stretches_meet_and_start_where_prices_do(ledger: Ledger) -> None:
    add(
        ledger,
        point("3", "2026-03-01", valid_to=at("2026-05-01")),
        point("2", "2026-06-01"),
        point("9", "2026-06-01", meter="output"),
    )
    found = history(price_list.book_of(ledger), "acme", "a-1", "standard", at("2026-11-01"))
    edges = [None, at("2026-03-01"), at("2026-05-01"), at("2026-06-01"), None]
    assert [(one.start, one.end) for one in found] == list(pairwise(edges))
    assert [isinstance(one.prices, Unpriced) for one in found] == [True, False, True, False]


def test_a_model_without_a_price_has_one_stretch_without_one(ledger: Ledger) -> None:
    (only,) = history(price_list.book_of(ledger), "acme", "a-1", "standard", at("2026-11-01"))
    assert only.prices == Unpriced("no price for acme/a-1")
    found = priced_model(price_list.book_of(ledger), "acme", "a-1", at("2026-11-01"))
    assert (found.tiers, found.bands, found.no_price) == (("standard",), (), "no price for acme/a-1")


def test_a_correction_of_the_same_price_is_no_step_of_its_own(ledger: Ledger) -> None:
    add(ledger, point("3"), point("2", "2026-06-01"), point("2.5", "2026-06-01"))
    found = history(price_list.book_of(ledger), "acme", "a-1", "standard", at("2026-11-01"))
    told = [one.prices.by_meter["input"].price for one in found if isinstance(one.prices, PriceSet)]
    assert told == [Decimal(3), Decimal("2.5")]


def test_a_model_shows_its_bands_its_tiers_and_every_row_that_has_a_say(ledger: Ledger) -> None:
    discount = Term(kind="discount", factor=Decimal("0.88"), provider="acme", team="search")
    elsewhere = Term(kind="discount", factor=Decimal("0.5"), provider="openai")
    nickname = Alias(provider="azure", model="my-a", target_provider="acme", target_model="a-1")
    add(
        ledger,
        point("1"),
        point("2", above=200_000),
        point("0.5", service_tier="batch"),
        point("7", meter="output", above=50_000, marginal=True),
        point("3", model="a-*", added_at=at("2026-10-01")),
        point("3", model="b-1"),
        terms=[discount, elsewhere],
        aliases=[nickname],
    )
    found = priced_model(price_list.book_of(ledger), "acme", "a-1", at("2026-11-01"))
    assert found.tiers == ("standard", "batch")
    assert [(one.service_tier, one.above, one.marginal) for one in found.bands] == [
        ("standard", 0, False),
        ("standard", 200_000, False),
        ("standard", 50_000, True),
        ("batch", 0, False),
    ]
    assert [one.model for one in found.points] == ["a-*", "a-1", "a-1", "a-1", "a-1"]
    assert [(one.team, str(one.factor)) for one in found.terms] == [("search", "0.88")]
    assert [one.model for one in found.other_names] == ["my-a"]
    named = priced_model(price_list.book_of(ledger), "azure", "my-a", at("2026-11-01"))
    assert named.alias is not None
    assert [one.rates for one in named.bands] == [one.rates for one in found.bands]


def test_the_chart_steps_at_the_day_of_a_price_and_names_the_source_that_comes_in(ledger: Ledger) -> None:
    add(ledger, point("2", "2026-06-01", provider="openai", model="gpt-5.4"))
    view = OCTOBER.narrowed("provider", "openai").narrowed("model", "gpt-5.4")
    figure = figure_of(model_page.price_history(ledger, view))
    line = figure.data[0]
    assert (line.name, line.line.shape) == ("Input", "hv")
    assert list(line.y) == [2.5, 2.0, 2.0]
    assert line.x[1] == "2026-06-01T00:00:00"
    assert [note.text for note in figure.layout.annotations] == ["own"]


def figure_of(panel: Any) -> Any:
    found = [panel]
    while found:
        one = found.pop()
        if getattr(one, "figure", None) is not None:
            return one.figure
        inside = getattr(one, "children", None)
        found += inside if isinstance(inside, list | tuple) else [inside] if inside is not None else []
    raise AssertionError("no chart")


@pytest.mark.parametrize(("dearest", "kind"), [("29", None), ("31", "log")])
def test_prices_that_differ_by_more_than_30_times_are_on_a_logarithmic_axis(
    ledger: Ledger, dearest: str, kind: str | None
) -> None:
    add(ledger, point("1"), point(dearest, meter="output"))
    view = OCTOBER.narrowed("provider", "acme").narrowed("model", "a-1")
    assert figure_of(model_page.price_history(ledger, view)).layout.yaxis.type == kind


def test_a_price_of_nothing_is_drawn_from_zero() -> None:
    lines = {
        "Input": [Step("2026-01-01", Decimal(0)), Step("2026-02-01", Decimal(0))],
        "Output": [Step("2026-01-01", Decimal(90)), Step("2026-02-01", Decimal(90))],
    }
    figure = step_lines(lines, (date(2026, 1, 1), date(2026, 2, 1)), {}, "USD")
    assert (figure.layout.yaxis.type, figure.layout.yaxis.rangemode) == (None, "tozero")


def test_json_and_csv_say_the_same_to_the_last_digit(ledger: Ledger, client: TestClient) -> None:
    add(ledger, point("0.075"), point("0.0000001", meter="request", per=1), point("2", "2026-06-01"))
    put(ledger, [call("2026-10-05T10:00:00Z", 123_456_789_012, provider="acme", model="A-1")])
    asked = "/v1/prices?search=acme&from=2026-10-01&to=2026-11-01&at=2026-05-01"
    answer = client.get(asked).json()
    (one,) = answer["prices"]
    assert one["prices"]["input"] == {"price": "0.075", "per": MILLION, "at_least": 0, "row": "own#1"}
    assert one["costs"] == [{"currency": "USD", "total_cost": "0.123456789012"}]
    assert (answer["in_all"], answer["at"], one["valid_from"]) == (1, "2026-05-01T00:00:00Z", None)
    (row,) = csv.DictReader(io.StringIO(client.get(f"{asked}&format=csv").text))
    assert (row["input"], row["other_meters"]) == ("0.075", "request 0.0000001 per 1")
    assert (row["requests"], row["total_cost"], row["no_price"]) == ("1", "0.123456789012", "")
    (later,) = client.get(asked.replace("2026-05-01", "2026-06-01")).json()["prices"]
    assert (later["prices"]["input"]["price"], later["valid_from"]) == ("2", "2026-06-01T00:00:00Z")


def test_a_model_is_asked_for_by_its_name_and_calls_by_a_filter(ledger: Ledger, client: TestClient) -> None:
    add(ledger, point("1"), point("1", model="a-10"))
    put(
        ledger,
        [
            call("2026-10-05T10:00:00Z", 1, provider="acme", model="a-1", team="search"),
            call("2026-10-05T10:00:00Z", 1, provider="acme", model="a-1", team="sales"),
        ],
    )
    asked = "/v1/prices?provider=acme&model=a-1&from=2026-10-01&to=2026-11-01"
    assert [one["requests"] for one in client.get(asked).json()["prices"]] == [2]
    assert [one["requests"] for one in client.get(f"{asked}&team=search").json()["prices"]] == [1]


@pytest.mark.parametrize(
    ("asked", "code"),
    [("at=soon", "invalid_time"), ("sort=price", "unknown_parameter"), ("limit=0", "invalid_limit")],
)
def test_a_question_that_is_not_understood_is_refused(client: TestClient, asked: str, code: str) -> None:
    found = client.get(f"/v1/prices?{asked}")
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
    assert found.json()["code"] == code


def test_unpriced_is_told_and_never_zero(ledger: Ledger, client: TestClient) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", None, provider="vllm", model="home-made")])
    asked = "/v1/prices?search=home-made&from=2026-10-01&to=2026-11-01"
    (one,) = client.get(asked).json()["prices"]
    assert (one["no_price"], one["prices"], one["costs"]) == ("no price for vllm/home-made", {}, [])
    (row,) = csv.DictReader(io.StringIO(client.get(f"{asked}&format=csv").text))
    assert (row["input"], row["total_cost"], row["unpriced_requests"]) == ("", "", "1")


def test_what_is_written_per_million_tokens_becomes_points() -> None:
    made = points_of(
        "Google",
        " Gemini-X ",
        ["input=2.50", "cache_read=.25", "search=0.01", "audio_seconds=0.006"],
        valid_from=at("2026-10-01"),
        added_at=1,
        added_by="ana",
    )
    assert [(one.provider, one.model, one.source) for one in made] == [("gemini", "gemini-x", "own")] * 4
    assert [(one.meter, str(one.price), one.per) for one in made] == [
        ("input", "2.50", MILLION),
        ("cache_read", "0.25", MILLION),
        ("search", "0.01", 1),
        ("audio_ms", "0.006", 1_000),
    ]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (["input=2,50"], "not_a_price"),
        (["input=-1"], "not_a_price"),
        (["input=NaN"], "not_a_price"),
        (["input=1e9"], "not_a_price"),
        (["input="], "not_a_price"),
        (["input=1000000"], "not_a_price"),
        (["inptu=2"], "unknown_meter"),
        (["input"], "unknown_meter"),
        (["input=1", "input=2"], "given_twice"),
        ([], "no_price"),
    ],
)
def test_what_is_no_price_is_refused(written: list[str], code: str) -> None:
    with pytest.raises(PriceRefused) as refused:
        points_of("acme", "a-1", written, valid_from=None, added_at=1, added_by="ana")
    assert refused.value.code == code


def test_a_price_that_is_typed_holds_from_its_day_on(ledger: Ledger) -> None:
    said = set_prices(ledger, ["acme", "a-1", "USD"], {"input": " 2.50 ", "output": ""}, "2026-10-15")
    assert not isinstance(said, str)
    book = price_list.book_of(ledger)
    assert isinstance(book.find("acme", "a-1", None, at("2026-10-15") - 1, 1), Unpriced)
    found = book.find("acme", "a-1", None, at("2026-10-15"), 1)
    assert isinstance(found, PriceSet)
    assert found.rates == {"input": "2.50 per 1000000"}
    assert [(one.added_by, one.price) for one in book.stored.points] == [("dashboard", Decimal("2.50"))]


@pytest.mark.parametrize(
    ("amounts", "day", "words"),
    [
        ({"input": "two"}, "2026-10-15", "input: 'two' is no price"),
        ({"input": None}, "2026-10-15", "there is no price"),
        ({"input": "2"}, None, "From: '' is not a time"),
        ({"input": "2"}, "tomorrow", "From: 'tomorrow' is not a time"),
    ],
)
def test_a_bad_entry_is_refused_in_words_and_adds_nothing(
    ledger: Ledger, amounts: Any, day: str | None, words: str
) -> None:
    said = set_prices(ledger, ["acme", "a-1", "USD"], amounts, day)
    assert isinstance(said, str)
    assert said.startswith("Not set: ")
    assert words in said
    assert price_list.book_of(ledger).stored.points == ()


def test_a_price_is_noted_in_the_same_way_from_the_page_and_the_command(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", embedded.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())
    set_prices(embedded, ["acme", "a-1", "USD"], {"input": "2"}, "2026-10-15")
    options = SetPriceOptions(provider="acme", model="a-1", assignments=["input=2"])
    assert set_command.run(options, "2026-10-15", None, as_json=True) == 0
    with embedded.reading() as connection:
        command, page = audit.entries(connection)
    assert (page.action, page.subject, page.detail) == (command.action, command.subject, command.detail)
    assert (page.by, page.detail["meters"]) == ("dashboard", {"input": "2 per 1000000"})


def test_a_search_is_part_of_the_url() -> None:
    view = View(preset="7d", search="gpt 5 & more")
    assert from_search(to_search(view)) == view
    assert from_search(f"?search={'x' * 500}").search == "x" * 200


def test_where_sources_disagree_what_is_called_stands_first(ledger: Ledger) -> None:
    for model in ("a-1", "a-2"):
        add(ledger, point("2", model=model), point("1", model=model, source="litellm"))
    add(ledger, point("2", model="a-3"), point("1.99", model="a-3", source="litellm"))
    put(ledger, [call("2026-10-05T10:00:00Z", 1, provider="acme", model="a-2")])
    uses = price_list.usage_by_model(ledger, question(OCTOBER, ledger.zone, ("requests",)))
    found = price_list.disagreements(price_list.book_of(ledger), at("2026-11-01"), uses)
    of_acme = [(one.model, list(one.prices), one.spread) for one in found if one.provider == "acme"]
    assert found[0].model == "a-2"
    assert of_acme == [
        ("a-2", ["own", "litellm"], Decimal("0.5")),
        ("a-1", ["own", "litellm"], Decimal("0.5")),
    ]


def test_unpriced_calls_are_told_by_model_and_reason_with_their_first_and_last(ledger: Ledger) -> None:
    made = {"provider": "vllm", "model": "home-made", "input_tokens": 100, "output_tokens": 10}
    put(
        ledger,
        [
            *(call(f"2026-10-{day:02}T10:00:00Z", None, **made) for day in (7, 5, 6)),
            call("2026-10-05T10:00:00Z", 1, **made),
            call("2026-09-30T23:59:59Z", None, **made),
            call("2026-10-06T10:00:00Z", None, provider="vllm", model="other", team="search"),
        ],
    )
    asked = question(OCTOBER, ledger.zone, ("requests",))
    first, second = unpriced_models(ledger, asked)
    assert first[:5] == ("vllm", "home-made", "no_price", 3, 330)
    assert (first.first_at, first.last_at) == (at("2026-10-05T10:00"), at("2026-10-07T10:00"))
    assert (second.model, second.requests) == ("other", 1)
    of_team = question(OCTOBER.narrowed("team", "search"), ledger.zone, ("requests",))
    assert [one.model for one in unpriced_models(ledger, of_team)] == ["other"]


def test_a_note_of_unpriced_calls_leads_to_where_they_get_a_price(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", None, provider="vllm", model="home-made")])
    view = OCTOBER.narrowed("provider", "vllm")
    (note,) = notes(run(ledger, question(view, ledger.zone, ("requests", "total_cost"))))
    assert note.children[1].href == f"/dashboard/prices{to_search(view)}"
