"""Invariant 9: acknowledged is durable.

A server killed in a stream of posts has lost nothing it had acknowledged.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingest.ledger import rollups
from ingest.ledger.engine import open_ledger
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.support.import_runs import lines, response
from tests.support.ledgers import SECRET


class Server:
    """`tallybook serve` as a process."""

    def __init__(self, folder: Path, url: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
        environment = {
            **clean,
            "TALLYBOOK_DATABASE_URL": url,
            "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "serve", "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        assert self.said.startswith("Tallybook is at http://127.0.0.1:"), self.said
        self.url = self.said.split()[3]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def body(batch: int) -> str:
    return lines(*(response(batch * 20 + n) for n in range(20)))


def post_until_it_dies(url: str, batches: range, acknowledged: dict[int, dict[str, Any]]) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        for batch in batches:
            try:
                answer = client.post(
                    "/v1/ingest", content=body(batch), headers={"content-type": "application/jsonl"}
                )
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            acknowledged[batch] = answer.json()


@pytest.mark.long
def test_a_server_killed_in_a_stream_of_posts_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    server = Server(tmp_path, url)
    acknowledged: dict[int, dict[str, Any]] = {}
    senders = [
        threading.Thread(target=post_until_it_dies, args=(server.url, range(start, 4_000, 4), acknowledged))
        for start in range(4)
    ]
    for sender in senders:
        sender.start()
    deadline = time.monotonic() + 60
    while len(acknowledged) < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    server.kill()
    for sender in senders:
        sender.join()
    assert 100 <= len(acknowledged) < 4_000, "it must be killed half-way to show anything"
    ledger = open_ledger(Settings(database_url=url, secret_key=SECRET))
    with ledger.reading() as connection:
        there = set(connection.execute(sa.select(usage_event.c.event_id)).scalars())
    for receipt in acknowledged.values():
        assert set(receipt["event_ids"]) <= there
    again = Server(tmp_path, url)
    try:
        sent = [httpx.post(f"{again.url}v1/ingest", content=body(batch)).json() for batch in range(200)]
    finally:
        again.kill()
    assert all(one["accepted"] + one["duplicates"] == 20 and one["rejected"] == 0 for one in sent)
    with ledger.reading() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()
    assert count == len(there) + sum(one["accepted"] for one in sent)
    assert sum(one["accepted"] for one in sent) < 4_000, "what was acknowledged before is a duplicate now"
    rollups.roll(ledger)
    assert verify(ledger) == []
    ledger.close()
