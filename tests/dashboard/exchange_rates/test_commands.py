"""`tallybook rates`: the European Central Bank's tables and plain tables, each read once.

A line that is no rate is named.
"""

import zipfile
from pathlib import Path

import pytest

from dashboard.exchange_rates.service import RateRefused, SetRateOptions, set_rate
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from tests.support.cli import Command, object_of

HISTORY = "Date,USD,JPY,GBP,\n2026-11-20,1.0825,169.55,0.8712,\n2026-11-19,1.0801,N/A,0.8701,\n"
ONE_DAY = "Date, USD, JPY, \n20 November 2026, 1.0825, 169.55, \n"
PORTAL = (
    "KEY,FREQ,CURRENCY,CURRENCY_DENOM,TIME_PERIOD,OBS_VALUE\n"
    "EXR.D.USD.EUR.SP00.A,D,USD,EUR,2026-11-20,1.0825\n"
)
PLAIN = "date,base,quote,rate\n2026-11-20,USD,CHF,0.8123\n"


def written(folder: Path, text: str, name: str = "rates.csv") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (HISTORY, ["EUR/GBP", "EUR/JPY", "EUR/USD", "EUR/GBP", "EUR/USD"]),
        (ONE_DAY, ["EUR/JPY", "EUR/USD"]),
        (PORTAL, ["EUR/USD"]),
        (PLAIN, ["USD/CHF"]),
    ],
    ids=["history", "one day", "portal", "plain"],
)
def test_a_table_is_read_whoever_wrote_it_and_once(
    tallybook: Command, tmp_path: Path, text: str, pairs: list[str]
) -> None:
    path = written(tmp_path, text)
    first = object_of(tallybook("rates", "import", path, "--json"))
    assert (first["new"], first["rejected"]) == (len(pairs), 0)
    assert object_of(tallybook("rates", "import", path, "--json"))["new"] == 0
    listed = object_of(tallybook("rates", "list", "--json"))["rates"]
    assert [f"{one['base']}/{one['quote']}" for one in listed] == pairs
    assert listed[0]["date"] == "2026-11-20"


def test_a_zipped_table_is_read_as_it_comes(tallybook: Command, tmp_path: Path) -> None:
    path = tmp_path / "eurofxref.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("eurofxref.csv", ONE_DAY)
    assert object_of(tallybook("rates", "import", str(path), "--json"))["new"] == 2


def test_a_line_that_is_no_rate_is_named_and_the_others_are_kept(tallybook: Command, tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN + "soon,USD,EUR,1\n2026-11-20,USD,EURO,1\n2026-11-20,USD,EUR,-1\n")
    done = tallybook("rates", "import", path)
    assert done.exit_code == 3
    assert "line 3: date 'soon': is no date" in done.output
    assert "line 4: quote 'EURO': is no currency" in done.output
    assert "line 5: rate '-1': is no rate" in done.output
    assert len(object_of(tallybook("rates", "list", "--json"))["rates"]) == 1


@pytest.mark.parametrize("text", ["", "model,cost\ngpt,1\n", "{}"])
def test_what_is_no_table_of_rates_says_so(tallybook: Command, tmp_path: Path, text: str) -> None:
    done = tallybook("rates", "import", written(tmp_path, text))
    assert done.exit_code == 1
    assert "no table of rates" in done.output


def test_a_file_that_is_not_there_says_so(tallybook: Command, tmp_path: Path) -> None:
    done = tallybook("rates", "import", str(tmp_path / "none.csv"))
    assert (done.exit_code, "cannot read" in done.output) == (1, True)


def test_a_rate_is_set_by_hand(tallybook: Command) -> None:
    done = tallybook("rates", "set", "usd", "eur", "0.92", "--date", "2026-11-20")
    assert done.stdout == "1 USD is 0.92 EUR on 2026-11-20\n"
    listed = object_of(tallybook("rates", "list", "--pair", "USD/EUR", "--from", "2026-11-20", "--json"))[
        "rates"
    ]
    assert [(one["rate"], one["source"]) for one in listed] == [("0.92", "set")]
    assert object_of(tallybook("rates", "list", "--to", "2026-11-20", "--json"))["rates"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("USD", "EUR", "0", "--date", "2026-11-20"),
        ("USD", "USD", "1", "--date", "2026-11-20"),
        ("USD", "EU", "1", "--date", "2026-11-20"),
        ("USD", "EUR", "1", "--date", "20/11/2026"),
        ("USD", "EUR", "nan", "--date", "2026-11-20"),
    ],
)
def test_what_is_no_rate_is_refused(tallybook: Command, words: tuple[str, ...]) -> None:
    assert tallybook("rates", "set", *words).exit_code == 2
    assert object_of(tallybook("rates", "list", "--json"))["rates"] == []


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"rate": "0"}, "invalid_rate", "rate"),
        ({"date": "20/11/2026"}, "invalid_date", "date"),
        ({"quote": "EU"}, "unknown_currency", "quote"),
        ({"base": "eur"}, "same_currency", "quote"),
    ],
)
def test_a_refused_rate_names_its_code_and_field(
    embedded: Ledger, changed: dict[str, str], code: str, field: str
) -> None:
    words = {"base": "USD", "quote": "EUR", "rate": "0.92", "date": "2026-11-20"} | changed
    with pytest.raises(RateRefused) as refused:
        set_rate(embedded, SetRateOptions(**words), by="ana", at=1)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_rate_is_noted_once_with_who_set_it(embedded: Ledger) -> None:
    options = SetRateOptions(base="usd", quote="eur", rate="0.92", date="2026-11-20")
    for at in (1, 2):
        set_rate(embedded, options, by="ana", at=at)
    with embedded.reading() as connection:
        (entry,) = audit.entries(connection)
    assert (entry.by, entry.at, entry.action, entry.subject) == ("ana", 1, "rates set", "USD/EUR")
    assert entry.detail == {"rate": "0.92", "day": "2026-11-20"}


@pytest.mark.parametrize(("base", "quote"), [("USD", "XXX"), ("ABC", "USD"), ("USD", "XTS")])
def test_a_code_that_is_no_currency_has_no_rate(tallybook: Command, base: str, quote: str) -> None:
    refused = tallybook("rates", "set", base, quote, "1.1", "--date", "2026-10-01")
    assert (refused.exit_code, "is no currency of ISO 4217" in refused.stderr) == (2, True)
