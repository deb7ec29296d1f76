"""Calls for tests of the read side: events with a known price, put into a ledger by its own writer."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from ingest.ledger.engine import Connection, Ledger, open_ledger
from ingest.ledger.entry import Batch, Entry, Shared
from ingest.ledger.fields import FACTS, TERMS, WHO
from ingest.ledger.rejections import Origin
from ingest.ledger.writer import write
from ingest.model.event import UsageEvent
from ingest.model.zone import micros
from ingest.pricing.charge import Charge
from ingest.settings import Settings
from tests.support.ledgers import blank

NOW = 1_800_000_000_000_000


@dataclass(frozen=True)
class Call:
    """One call: its time, its cost in pico-units (None is unpriced), and any other field of an event."""

    at: str
    cost: int | None = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def micros(self) -> int:
        return micros(datetime.fromisoformat(self.at))

    def __getitem__(self, name: str) -> Any:
        return self.facts.get(name)


def call(at: str, cost: int | None = 0, **facts: Any) -> Call:
    return Call(at, cost, facts)


@contextmanager
def a_ledger(folder: Path, zone: str = "UTC", url: str | None = None) -> Iterator[Ledger]:
    """A new ledger that reports in `zone`."""
    database = url or blank(folder / "ledger.db")
    opened = open_ledger(Settings(database_url=database, timezone=zone, secret_key=SecretStr("of the tests")))
    try:
        yield opened
    finally:
        opened.close()


def put(ledger: Ledger, calls: Iterable[Call], first: int = 0) -> list[str]:
    """Write the calls; their event ids."""
    with ledger.writing() as connection:
        return put_within(connection, ledger, calls, first)


def put_within(connection: Connection, ledger: Ledger, calls: Iterable[Call], first: int = 0) -> list[str]:
    """Write the calls in an open transaction; their event ids."""
    made = [_entry(ledger, one, index, at) for at, (index, one) in enumerate(enumerate(calls, start=first))]
    entries = [entry for entry, _ in made]
    origin = Origin("test", NOW)
    batch = Batch(
        read=len(entries),
        columns=FACTS,
        shared=[shared for _, shared in made],
        entries=entries,
        rejections=[],
        price_sets=[],
        formats=[],
    )
    receipt = write(connection, ledger, ledger.dictionary.lookup(connection, NOW), batch, origin)
    assert receipt.accepted + receipt.revised == len(entries)
    return receipt.event_ids


def _entry(ledger: Ledger, one: Call, index: int, at: int) -> tuple[Entry, Shared]:
    facts: dict[str, Any] = {
        "source": "test",
        "source_event_id": str(index),
        "input_tokens": 0,
        "output_tokens": 0,
    } | one.facts
    facts.setdefault("total_tokens", facts["input_tokens"] + facts["output_tokens"])
    key = ledger.keyring.conceal(facts["virtual_key"]) if facts.get("virtual_key") else None
    if key is not None:
        facts["virtual_key"] = key.ident
    if labels := facts.get("labels"):
        facts["labels"] = msgspec.json.encode(labels).decode()
    event = UsageEvent(**facts, occurred_at=one.micros)
    values = msgspec.structs.asdict(event) | msgspec.structs.asdict(_charge(one))
    shared = Shared(
        who=tuple(values[name] for name in WHO),
        hint=key.hint if key else None,
        price_set=None,
        terms=tuple(values[name] for name in TERMS),
        unpriced=one.cost is None,
    )
    entry = Entry(
        event_id=hashlib.blake2b(
            f"{event.source}\0{event.source_event_id}".encode(), digest_size=16
        ).digest(),
        content_hash=hashlib.blake2b(msgspec.msgpack.encode(event), digest_size=16).digest(),
        version_rank=bytes(16),
        dated=True,
        shared=at,
        facts=tuple(values[name] for name in FACTS),
    )
    return entry, shared


def _charge(one: Call) -> Charge:
    if one.cost is None:
        return Charge(cost_source="unpriced", unpriced_reason="no_price")
    return Charge(cost_source="reported", total_cost=one.cost, input_cost=one.cost, saved_cost=one.cost // 7)
