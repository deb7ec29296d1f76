"""Salvage: what the database refuses costs its own record, on every channel and database."""

import json
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from ingest.files.paths import sources
from ingest.framing import RawRecord
from ingest.importing.importer import FileReport, Importer, ImportOptions
from ingest.intake.decode import Context
from ingest.intake.intake import DryRunIntake, Intake, make_decoder
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.fields import TERMS
from ingest.ledger.tables.calls import rejected_record, term, usage_event
from ingest.ledger.verification import verify
from tests.support.import_runs import lines, response
from tests.support.ledgers import ARRIVAL

Spoil = Callable[[Batch, int], Batch]


def with_a_count_beyond_64_bits(batch: Batch, at: int) -> Batch:
    entry = batch.entries[at]
    place = batch.columns.index("input_tokens")
    facts = (*entry.facts[:place], 2**70, *entry.facts[place + 1 :])
    return _replaced(batch, at, msgspec.structs.replace(entry, facts=facts))


def with_half_a_character(batch: Batch, at: int) -> Batch:
    return _with_model(batch, at, "\ud800")


def with_a_nul(batch: Batch, at: int) -> Batch:
    return _with_model(batch, at, "gpt\0")


def with_a_name_beyond_an_index(batch: Batch, at: int) -> Batch:
    """The model is longer than an index of PostgreSQL takes, and cannot be packed."""
    return _with_model(batch, at, "".join(random.Random(at).choices(string.ascii_letters, k=6_000)))


def _with_model(batch: Batch, at: int, model: str) -> Batch:
    entry = batch.entries[at]
    shared = batch.shared[entry.shared]
    place = TERMS.index("model")
    terms = (*shared.terms[:place], model, *shared.terms[place + 1 :])
    batch = msgspec.structs.replace(
        batch, shared=[*batch.shared, msgspec.structs.replace(shared, terms=terms)]
    )
    return _replaced(batch, at, msgspec.structs.replace(entry, shared=len(batch.shared) - 1))


def _replaced(batch: Batch, at: int, entry: Entry) -> Batch:
    entries = [*batch.entries[:at], entry, *batch.entries[at + 1 :]]
    return msgspec.structs.replace(batch, entries=entries)


@pytest.mark.parametrize("spoil", [with_a_count_beyond_64_bits, with_half_a_character])
@pytest.mark.parametrize("kind", [Intake, DryRunIntake])
def test_a_record_that_the_database_refuses_costs_itself_alone(
    ledger: Ledger, spoil: Spoil, kind: type[Intake]
) -> None:
    decoder, context = make_decoder(ledger), Context("import", ARRIVAL, path="calls.jsonl")
    nonsense = RawRecord(2, 3, b'{"nothing": 1}')
    own = [response(n, model=f"model-{n}") for n in range(20)]
    records = [RawRecord(n, n + 1, json.dumps(one).encode()) for n, one in enumerate(own)]
    batch = decoder.decode([*records[:2], nonsense, *records[2:]], context)
    for at in (3, 17):
        batch = spoil(batch, at)
    with kind(ledger, decoder, context) as intake:
        receipt = intake.accept_decoded(batch)
        again = intake.accept_decoded(decoder.decode(records[:2], context))
    assert (receipt.accepted, receipt.rejected) == (18, 3)
    assert (again.accepted, again.duplicates) == (0, 2)
    refused = [(one.index, one.code) for one in receipt.rejections]
    assert refused == [(2, "unknown_format"), (4, "unwritable_record"), (18, "unwritable_record")]
    if kind is DryRunIntake:
        return
    with ledger.reading() as connection:
        kept = connection.execute(
            sa.select(rejected_record.c.line).order_by(rejected_record.c.line)
        ).scalars()
        assert list(kept) == [3, 4, 18]
        cached = ledger.dictionary.terms
        stored = {row.text: row.term_id for row in connection.execute(sa.select(term.c.text, term.c.term_id))}
    assert cached.items() <= stored.items()  # no id of what was rolled back
    assert verify(ledger) == []


@pytest.mark.parametrize("spoil", [with_a_nul, with_a_name_beyond_an_index])
def test_what_postgresql_alone_refuses_costs_itself_alone(ledger: Ledger, spoil: Spoil) -> None:
    decoder, context = make_decoder(ledger), Context("http", ARRIVAL)
    records = [RawRecord(n, n + 1, json.dumps(response(n)).encode()) for n in range(20)]
    with Intake(ledger, decoder, context) as intake:
        receipt = intake.accept_decoded(spoil(decoder.decode(records, context), 7))
    refused = [one.index for one in receipt.rejections]
    assert refused == ([7] if ledger.engine.dialect.name == "postgresql" else [])
    assert receipt.accepted == 20 - len(refused)


def test_a_small_file_with_such_a_record_costs_no_other_file(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        (tmp_path / f"{n}.jsonl").write_text(lines(response(2 * n), response(2 * n + 1)))
    importer, reports = Importer(ledger, ImportOptions()), []
    decode = importer._decoder.decode

    def spoiled(records: Any, context: Context, first_index: int = 0) -> Batch:
        batch = decode(records, context, first_index)
        return with_a_count_beyond_64_bits(batch, 1) if "2.jsonl" in str(context.path) else batch

    monkeypatch.setattr(importer._decoder, "decode", spoiled)
    for source in sources([str(tmp_path)]):
        reports.append(FileReport(source.path))
        importer.run(source, reports[-1], lambda _size, _records: None)
    importer.finish()
    told = [(one.receipt.accepted, one.receipt.rejected) for one in reports]
    assert told == [(2, 0), (2, 0), (1, 1), (2, 0)]
    with ledger.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one() == 7
