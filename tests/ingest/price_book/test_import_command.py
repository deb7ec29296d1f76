"""`tallybook prices import`: what a list adds to the book.

Nothing comes twice, and the past does not move.
"""

import json
import os
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from ingest.price_book import lists
from ingest.price_book.import_list import import_list
from ingest.pricing.changes import Changes
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet
from ingest.pricing.terms import Term
from tests.support.ledgers import ARRIVAL
from tests.support.price_lists import REAL
from tests.support.process import Tallybook

NOW = ARRIVAL
DAY = 86_400_000_000
BEFORE, AFTER = NOW - 30 * DAY, NOW + 30 * DAY


def model(**fields: Any) -> dict[str, Any]:
    return {"litellm_provider": "acme", "mode": "chat", **fields}


def put(
    ledger: Ledger, models: dict[str, Any], now: int = NOW, start: int | None = None, **how: Any
) -> Changes:
    listed = lists.read("map.json", json.dumps(models).encode())
    assert not listed.faults
    return import_list(ledger, listed, by="ana", at=now, start=start, **how)


def put_own(ledger: Ledger, text: str, now: int = NOW) -> Changes:
    return import_list(ledger, lists.read("own.csv", text.encode()), by="ana", at=now)


def counts(found: Changes) -> tuple[int, int, int]:
    return found.added, len(found.changed), found.unchanged


def held(ledger: Ledger) -> list[PricePoint]:
    with ledger.reading() as connection:
        return price_book.points(connection)


def price(ledger: Ledger, at: int, name: str = "talker", meter: str = "input", tokens: int = 0) -> str | None:
    """What a call at an instant pays for a meter of a model of acme's."""
    found = price_book.read_book(ledger).find("acme", name, None, at, tokens)
    return (
        str(found.by_meter[meter].price) if isinstance(found, PriceSet) and meter in found.by_meter else None
    )


TALKER = {"acme/talker": model(input_cost_per_token=1e-06, output_cost_per_token=2e-06)}


def dearer(price: float) -> dict[str, Any]:
    return {"acme/talker": TALKER["acme/talker"] | {"input_cost_per_token": price}}


def test_what_a_source_says_first_has_always_been_so(ledger: Ledger) -> None:
    assert counts(put(ledger, TALKER)) == (2, 0, 0)
    assert price(ledger, 0) == price(ledger, AFTER) == "1"
    assert {(one.source, one.origin, one.added_at) for one in held(ledger)} == {("litellm", "map.json", NOW)}
    assert all(one.added_by for one in held(ledger))


def test_the_same_again_adds_nothing(ledger: Ledger) -> None:
    put(ledger, TALKER)
    before = held(ledger)
    assert counts(put(ledger, TALKER, AFTER)) == (0, 0, 2)
    assert held(ledger) == before


def test_a_changed_price_holds_from_now_and_the_past_does_not_move(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    changed = put(ledger, dearer(3e-06))
    assert counts(changed) == (0, 1, 1)
    assert [(str(one.before.price), str(one.after.price)) for one in changed.changed] == [("1", "3")]
    assert (price(ledger, NOW - 1), price(ledger, NOW)) == ("1", "3")
    assert counts(put(ledger, dearer(3e-06), AFTER)) == (0, 0, 2)


def test_from_says_since_when_a_changed_price_holds(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    assert counts(put(ledger, dearer(3e-06), NOW, BEFORE + DAY)) == (0, 1, 1)
    assert (price(ledger, BEFORE + DAY - 1), price(ledger, BEFORE + DAY)) == ("1", "3")


def test_from_can_correct_a_change_that_was_taken_too_late(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    put(ledger, dearer(3e-06))
    assert counts(put(ledger, dearer(3e-06), AFTER, BEFORE + DAY)) == (0, 1, 1)
    assert (price(ledger, BEFORE + DAY - 1), price(ledger, BEFORE + DAY)) == ("1", "3")


def test_from_can_be_in_the_future_and_said_again(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    assert counts(put(ledger, dearer(3e-06), NOW, AFTER)) == (0, 1, 1)
    assert counts(put(ledger, dearer(3e-06), NOW + DAY, AFTER)) == (0, 0, 2)
    assert (price(ledger, AFTER - 1), price(ledger, AFTER)) == ("1", "3")


def test_a_new_band_of_a_known_price_does_not_change_past_calls(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    banded = {"acme/talker": TALKER["acme/talker"] | {"input_cost_per_token_above_200k_tokens": 2e-06}}
    assert counts(put(ledger, banded)) == (1, 0, 2)
    assert price(ledger, NOW - 1, tokens=300_000) == "1"
    assert price(ledger, NOW, tokens=300_000) == "2"


def test_a_meter_that_was_not_priced_before_has_always_cost_that(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    more = {"acme/talker": TALKER["acme/talker"] | {"search_context_cost_per_query": 0.01}}
    assert counts(put(ledger, more)) == (1, 0, 2)
    assert price(ledger, BEFORE, meter="search") == "10"


def test_what_is_no_longer_listed_stays_and_is_counted(ledger: Ledger) -> None:
    put(ledger, TALKER | {"acme/other": model(input_cost_per_token=5e-06)}, BEFORE)
    assert put(ledger, TALKER).unlisted == 1
    assert price(ledger, AFTER, "other") == "5"


def test_a_price_that_was_taken_back_is_added_again_where_a_list_has_it(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    (point,) = (one for one in held(ledger) if one.meter == "input")
    with ledger.writing() as connection:
        price_book.add_points(connection, [replace(point, price=None, added_at=BEFORE + 1)])
    assert price(ledger, NOW) is None
    assert counts(put(ledger, TALKER)) == (1, 0, 1)
    assert price(ledger, NOW) == "1"


def test_sources_do_not_touch_each_other(ledger: Ledger) -> None:
    put(ledger, TALKER, BEFORE)
    found = put_own(ledger, "provider,model,input\nacme,talker,0.5\n")
    assert (counts(found), found.unlisted) == ((1, 0, 0), 0)
    assert counts(put(ledger, TALKER, AFTER)) == (0, 0, 2)
    assert (price(ledger, NOW), price(ledger, NOW, meter="output")) == ("0.5", "2")


HISTORY = """provider,model,input,valid_from
acme,talker,1,
acme,talker,2,2026-03-01
acme,talker,3,2026-06-01
"""


def test_a_table_can_hold_the_history_of_a_price(ledger: Ledger) -> None:
    assert counts(put_own(ledger, HISTORY)) == (3, 0, 0)
    days = [micros(datetime(2026, month, 15, tzinfo=UTC)) for month in (1, 4, 7)]
    assert [price(ledger, day) for day in days] == ["1", "2", "3"]
    assert counts(put_own(ledger, HISTORY)) == (0, 0, 3)


def test_a_correction_of_an_old_price_leaves_the_later_ones(ledger: Ledger) -> None:
    put_own(ledger, HISTORY)
    corrected = HISTORY.replace("acme,talker,1,", "acme,talker,1.5,")
    assert counts(put_own(ledger, corrected, NOW + 1)) == (0, 1, 2)
    days = [micros(datetime(2026, month, 15, tzinfo=UTC)) for month in (1, 4, 7)]
    assert [price(ledger, day) for day in days] == ["1.5", "2", "3"]
    assert counts(put_own(ledger, corrected, NOW + 2)) == (0, 0, 3)


def test_rows_in_any_order_are_the_same_history(ledger: Ledger) -> None:
    names, *rows = HISTORY.splitlines()
    put_own(ledger, "\n".join([names, *reversed(rows)]))
    assert price(ledger, NOW) == "3"


def test_a_list_of_ones_own_need_not_be_whole(ledger: Ledger) -> None:
    put_own(ledger, "provider,model,input,output\nacme,talker,1,2\nacme,other,3,4\n", BEFORE)
    assert put_own(ledger, "provider,model,input\nacme,talker,1\n").unlisted == 1


def terms(ledger: Ledger) -> list[Term]:
    with ledger.reading() as connection:
        return price_book.terms(connection)


def test_factors_of_regions_come_once_and_change_from_now(ledger: Ledger) -> None:
    def regional(factor: float) -> dict[str, Any]:
        return {"acme/talker": TALKER["acme/talker"] | {"provider_specific_entry": {"us": factor}}}

    assert len(put(ledger, regional(1.1), BEFORE).terms) == 1
    assert put(ledger, regional(1.1)).terms == []
    assert len(put(ledger, regional(1.2)).terms) == 1
    assert [(str(one.factor), one.valid_from) for one in terms(ledger)] == [("1.1", None), ("1.2", NOW)]


def test_a_factor_that_somebody_set_stands(ledger: Ledger) -> None:
    mine = Term(
        kind="region", factor=Decimal("1.05"), provider="acme", model="talker", region="us", added_at=BEFORE
    )
    with ledger.writing() as connection:
        price_book.add_terms(connection, [mine])
    regional = {"acme/talker": TALKER["acme/talker"] | {"provider_specific_entry": {"us": 1.1}}}
    found = put(ledger, regional)
    assert (found.terms, found.kept_terms, len(terms(ledger))) == ([], 1, 1)


def test_a_dry_run_keeps_nothing(ledger: Ledger) -> None:
    assert counts(put(ledger, TALKER, dry_run=True)) == (2, 0, 0)
    assert held(ledger) == []


def test_a_real_map_is_read_back_as_it_was_listed(ledger: Ledger) -> None:
    listed = lists.read("litellm", REAL.read_bytes())
    found = import_list(ledger, listed, by="ana", at=NOW)
    assert found.added == len(listed.points)
    assert counts(import_list(ledger, listed, by="ana", at=AFTER)) == (0, 0, found.added)
    kept = [(one.provider, one.model, one.meter, one.price, one.per, one.hours) for one in held(ledger)]
    assert kept == [
        (one.provider, one.model, one.meter, one.price, one.per, one.hours) for one in listed.points
    ]


# The command.


@pytest.fixture
def tallybook(tmp_path: Path) -> Tallybook:
    return Tallybook(tmp_path)


def install_litellm(tallybook: Tallybook) -> None:
    """Puts a LiteLLM before the installed release that consists of a name, a version and a map."""
    site = tallybook.folder / "site"
    about, package = site / "litellm-1.2.3.dist-info", site / "litellm"
    about.mkdir(parents=True)
    package.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.2.3\n")
    shutil.copy(REAL, package / "model_prices_and_context_window_backup.json")
    others = tallybook.environment.get("PYTHONPATH", "")
    tallybook.environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(site), others)))


def test_the_command_imports_the_installed_map_and_says_what_it_left_out(tallybook: Tallybook) -> None:
    install_litellm(tallybook)
    code, out, _ = tallybook.run_apart("prices", "import", "--litellm", "--json")
    answer = json.loads(out)
    assert (code, answer["source"], answer["origin"]) == (0, "litellm", "litellm 1.2.3")
    assert (answer["models"], answer["added"], answer["unchanged"]) == (160, 1_063, 0)
    assert {"field": "input_dbu_cost_per_token", "reason": "as no meter counts them", "count": 3} in answer[
        "left_out"
    ]
    code, out, _ = tallybook.run_apart("prices", "import", "--litellm")
    assert code == 0
    assert "0 added, 0 changed, 1,063 unchanged" in out


def test_the_map_is_where_a_release_of_litellm_keeps_it(tallybook: Tallybook) -> None:
    code, out, _ = tallybook.run_apart("prices", "import", "--litellm", "--dry-run", "--json")
    answer = json.loads(out)
    assert (code, answer["kind"], answer["origin"]) == (0, "litellm", f"litellm {version('litellm')}")
    assert answer["models"] > 1_000


def test_the_command_shows_changes_and_faults_and_keeps_the_good_rows(tallybook: Tallybook) -> None:
    path = tallybook.folder / "own.csv"
    path.write_text("provider,model,input\nacme,talker,1\n")
    tallybook.run("prices", "import", str(path))
    path.write_text("provider,model,input\nacme,talker,1.25\nacme,other,cheap\n")
    code, out, _ = tallybook.run("prices", "import", str(path), "--from", "2026-07-01")
    assert code == 3
    assert "1 USD per 1000000" in out
    assert "1.25 USD per 1000000" in out
    assert "changed prices hold from 2026-07-01T00:00:00+00:00" in out
    assert "rejected: line 3: input is 'cheap'; write a number" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either a file of prices or --litellm"),
        (["x.csv", "--litellm"], "give either a file of prices or --litellm"),
        (["missing.csv"], "missing.csv: No such file or directory; give a file that can be read"),
        (["."], "Is a directory"),
        (["empty.csv"], "empty.csv: it is empty"),
        (["x.csv", "--from", "soon"], "--from soon: give a date, 2026-07-01"),
        (["x.csv", "--source", "genai-prices"], "and not genai-prices, which ships"),
    ],
)
def test_what_cannot_be_imported_is_said_with_what_to_do(
    tallybook: Tallybook, arguments: list[str], said: str
) -> None:
    (tallybook.folder / "empty.csv").touch()
    code, _, err = tallybook.run("prices", "import", *arguments)
    assert code == 2
    assert said in err
