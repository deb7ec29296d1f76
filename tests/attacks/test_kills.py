"""Invariant 9: acknowledged is durable, and what was killed is done once when it is run again.

Every command that writes, and a server under posts, killed at any moment of its work, on both databases.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import sqlalchemy as sa

from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from tests.attacks.operations import (
    OPERATIONS,
    Databases,
    Operation,
    Postgres,
    Sqlite,
    opened,
    settings_of,
    state,
)
from tests.attacks.victim import OUTPUT, Victims
from tests.support.import_runs import lines, response
from tests.support.spans import as_json, request, span

KILLS: Final = 25
"""Kills of each operation on each database: with posts and lines 500 in all."""
KILLS_OF_A_LEDGER: Final = 5
"""Kills before the operation is let to its end, and the next ledger is taken."""
SEED: Final = 15
PATIENCE: Final = 120
SENDERS: Final = 3
PER_BODY: Final = 2_500
"""Records of a body of lines, which are committed in several batches."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """Where ledgers are made: once files, once databases of a PostgreSQL server."""
    if request.param == "sqlite":
        return Sqlite(tmp_path)
    return Postgres(request.getfixturevalue("postgres"))


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_is_killed_again_and_again_ends_as_if_it_never_were(
    tmp_path: Path, databases: Databases, operation: Operation
) -> None:
    victims, chance = Victims(tmp_path), random.Random(f"{SEED} {operation.name}")
    words = (*operation.words, *(operation.on_postgres if isinstance(databases, Postgres) else ()))
    prepared = databases.new()
    operation.prepare(tmp_path, prepared)
    untouched = databases.copy(prepared)
    whole = victims.end(words, settings_of(untouched))
    assert whole.code == 0, whole.output
    expected = state(untouched)
    killed = 0
    while killed < KILLS:
        url = databases.copy(prepared)
        for _ in range(KILLS_OF_A_LEDGER):
            ending = victims.end(words, settings_of(url), chance.uniform(0, whole.seconds))
            killed += ending.was_killed
            assert ending.was_killed or ending.code in operation.endings, ending.output
            if operation.keeps_schema:
                with opened(url) as ledger:
                    assert verify(ledger) == []
        last = victims.end(words, settings_of(url))
        assert last.code in operation.endings, last.output
        assert not operation.check or victims.end(operation.check, settings_of(url)).code == 0
        assert state(url) == expected


class Senders:
    """Posts to a server from several threads until it dies, and remembers what was acknowledged."""

    def __init__(self, kind: str, first: int) -> None:
        self.kind = kind
        self.sent: list[int] = []
        self.acknowledged: list[str] = []
        self.answered = threading.Event()
        self._next = first
        self._lock = threading.Lock()

    def post_until_it_dies(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while True:
                with self._lock:
                    self._next += 1
                    number = self._next
                    self.sent.append(number)
                try:
                    answer = post(client, self.kind, number)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                with self._lock:
                    self.acknowledged += answer.json().get("event_ids", [])
                self.answered.set()


def post(client: httpx.Client, kind: str, number: int) -> httpx.Response:
    """Post what has this number: a call, a stream or a span, or a body of many lines."""
    if kind == "lines":
        body = lines(*(response(n, id=f"call-{number}-{n}") for n in range(PER_BODY)))
        return client.post("/v1/ingest", content=body, headers={"content-type": "application/jsonl"})
    if number % 3 == 0:
        sent = as_json(request(span(number)))
        return client.post("/v1/traces", content=sent, headers={"content-type": "application/json"})
    if number % 3 == 1:
        return client.post(
            "/v1/ingest", content=stream(number), headers={"content-type": "text/event-stream"}
        )
    return client.post("/v1/ingest", json=response(number))


def stream(number: int) -> str:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    chunk = response(number, object="chat.completion.chunk", usage=usage)
    return f"data: {lines(chunk)}\ndata: [DONE]\n\n"


@contextmanager
def serving(victims: Victims, url: str) -> Iterator[str]:
    """The address of a server, which is killed at the end of the block."""
    (victims.folder / OUTPUT).unlink(missing_ok=True)
    process = victims.start(("serve", "--port", "0"), settings_of(url))
    deadline = time.monotonic() + PATIENCE
    while "Tallybook is at" not in (said := _said(victims.folder / OUTPUT)):
        assert time.monotonic() < deadline, said
        assert process.is_alive(), said
        time.sleep(0.01)
    try:
        yield said.partition("Tallybook is at ")[2].split()[0]
    finally:
        process.kill()
        process.join()


def _said(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def known(url: str) -> set[str]:
    """The ids of all events of a ledger."""
    with opened(url) as ledger, ledger.reading() as connection:
        return {str(found) for found in connection.execute(sa.select(usage_event.c.event_id)).scalars()}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["single", "lines"])
def test_a_server_killed_under_posts_loses_nothing_it_acknowledged(
    tmp_path: Path, databases: Databases, kind: str
) -> None:
    victims, chance = Victims(tmp_path), random.Random(f"{SEED} {kind}")
    url = databases.new()
    acknowledged: set[str] = set()
    sent: list[int] = []
    for kill in range(KILLS):
        senders = Senders(kind, kill * 10_000)
        with serving(victims, url) as address:
            threads = [
                threading.Thread(target=senders.post_until_it_dies, args=(address,)) for _ in range(SENDERS)
            ]
            for thread in threads:
                thread.start()
            senders.answered.wait(PATIENCE)
            time.sleep(chance.uniform(0, 0.5))
        for thread in threads:
            thread.join()
        acknowledged.update(senders.acknowledged)
        sent += senders.sent
        assert acknowledged <= known(url), "acknowledged, and not there"
    assert acknowledged, "posts that are never answered show nothing"
    _send_again(victims, url, kind, sent)
    with opened(url) as ledger:
        assert verify(ledger) == []
        with ledger.reading() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()
    assert count == len(sent) * (PER_BODY if kind == "lines" else 1), (
        "each is counted once, whoever was killed"
    )


def _send_again(victims: Victims, url: str, kind: str, sent: list[int]) -> None:
    """Send everything again, as senders without an answer do."""
    with serving(victims, url) as address, httpx.Client(base_url=address, timeout=60) as client:
        for number in sent:
            answer: Any = post(client, kind, number)
            assert answer.status_code == 200, answer.text
