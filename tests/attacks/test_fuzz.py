"""Damaged records of every format: each has one outcome, none costs a neighbour, and no content is kept."""

import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import sqlalchemy as sa

from ingest import formats
from ingest.formats.format import Format
from ingest.framing import RawRecord, Record
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import rollups
from ingest.ledger.engine import open_ledger
from ingest.ledger.entry import Batch
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.model.receipt import Receipt
from ingest.model.rejection import Refused
from ingest.pricing.book import Book
from ingest.pricing.charge import COMPONENTS
from ingest.settings import Settings
from tests.attacks import fuzz
from tests.attacks.bodies import good
from tests.support.ledgers import ARRIVAL, SECRET, blank

SEED: Final = 15
WRITTEN: Final = 2_000
"""Damaged records that are also written into a ledger."""
BODY: Final = 200
CONTEXT: Final = Context(channel="http", received_at=ARRIVAL, arrival="arrival:fuzz")
LARGEST_KEPT: Final = 8 * 1024


def outcomes(seed: int, count: int) -> Counter[str]:
    """What became of so many damaged records, by code; fails at the first that breaks a promise."""
    decoder = Decoder(KeyRing(b"of the fuzzer"), Book())
    counts: Counter[str] = Counter()
    for mutant in fuzz.mutants(seed, count):
        records = fuzz.records(mutant)
        try:
            batch = decoder.decode(records, CONTEXT)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs the neighbours of the record
            pytest.fail(f"{type(error).__name__} of {mutant[:2_000]!r}")
        assert not (why := broken_promise(records, batch)), (why, mutant[:2_000])
        counts.update(rejection.code for rejection in batch.rejections)
        counts["accepted"] += len(batch.entries)
        counts["passed over"] += batch.passed_over
    return counts


def broken_promise(records: list[Record], batch: Batch) -> str | None:
    """The promise that a decoded batch breaks; None where it keeps all of them."""
    found = len(batch.entries) + len(batch.rejections) + batch.passed_over
    facts = [dict(zip(batch.columns, entry.facts, strict=True)) for entry in batch.entries]
    totals = [(of_call.get("total_cost"), parts(of_call)) for of_call in facts]
    promises = {
        "each record has one outcome": found == 1
        or len(batch.entries) <= sum(map(contained, records)) <= found,
        "a rejection has a code and a reason": all(one.code and one.reason for one in batch.rejections),
        "little is kept of a rejected record": all(
            len(one.record or "") <= LARGEST_KEPT for one in batch.rejections
        ),
        "no float touches money or counts": not any(
            isinstance(value, float) for of_call in facts for value in of_call.values()
        ),
        "no call costs less than nothing": all(total is None or total >= 0 for total, _ in totals),
        "the components of a cost add up to it": all(total in {None, of_parts} for total, of_parts in totals),
        "content is not kept": fuzz.CANARY.encode() not in msgspec.msgpack.encode(batch),
    }
    return next((promise for promise, is_kept in promises.items() if not is_kept), None)


def parts(of_call: dict[str, Any]) -> int:
    """The sum of the components of a call's cost."""
    return sum(of_call.get(name) or 0 for name in COMPONENTS)


def contained(record: Record) -> int:
    """The records in a record: those of a page that can be read, or itself."""
    if not isinstance(record, RawRecord):
        return 1
    try:
        page = formats.unpack(record.raw)
    except (Refused, ArithmeticError, RecursionError):
        return 1
    return 1 if page is None else len(page)


@pytest.mark.parametrize("one", formats.FORMATS, ids=lambda one: one.name)
def test_every_format_has_samples(one: Format) -> None:
    assert fuzz.of_format(one)


def test_the_same_seed_gives_the_same_records() -> None:
    assert list(fuzz.mutants(SEED, 50)) == list(fuzz.mutants(SEED, 50))


def test_every_damaged_record_has_one_outcome_and_keeps_no_content() -> None:
    counts = outcomes(SEED, 50_000)
    assert counts["accepted"] > 2_000, "records that are all refused would show nothing"
    assert len(counts) > 15, "nor records that are all refused for the same reason"


def test_a_good_record_among_damaged_ones_is_accepted_and_no_content_reaches_the_disk(tmp_path: Path) -> None:
    url = blank(tmp_path / "ledger.db")
    total = Receipt()
    with open_ledger(Settings(database_url=url, secret_key=SECRET)) as ledger:
        decoder = make_decoder(ledger)
        damaged = list(fuzz.mutants(SEED + 1, WRITTEN))
        for body, start in enumerate(range(0, WRITTEN, BODY)):
            among = damaged[start : start + BODY]
            half = BODY // 2
            sent = [record for one in among[:half] for record in fuzz.records(one)]
            sent += [RawRecord(0, 1, good(body))]
            sent += [record for one in among[half:] for record in fuzz.records(one)]
            with Intake(ledger, decoder, CONTEXT) as intake:
                total.add(intake.accept(sent))
            with Intake(ledger, decoder, CONTEXT) as intake:
                assert intake.accept([RawRecord(0, 1, good(body))]).duplicates == 1
        rollups.roll(ledger)
        with ledger.reading() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()
        assert 0 < count <= total.accepted, "an accepted span may take the place of another"
        assert [finding for finding in verify(ledger) if finding.level == "error"] == []
    assert not [file.name for file in tmp_path.iterdir() if fuzz.CANARY.encode() in file.read_bytes()]


@pytest.mark.long
def test_a_million_damaged_records() -> None:
    started = time.perf_counter()
    counts = outcomes(2_026, 1_000_000)
    seconds = time.perf_counter() - started
    for code, count in counts.most_common():
        print(f"| {code} | {count:,} |")
    print(f"{seconds:.0f} seconds")
    assert counts["accepted"] > 200_000
