"""The drill: back up under load, lose the ledger, restore, verify, go on.

Nothing that was acknowledged before the backup began is missing, and sending all again counts once.
"""

import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingest.backup.restore import RestoreOptions, restore
from ingest.backup.service import BackupOptions, back_up
from ingest.ledger import rollups
from ingest.ledger.engine import open_existing, open_ledger
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.attacks.flow import batch_of, post_until_it_dies
from tests.attacks.server import Server
from tests.support.calls import call, put
from tests.support.cli import command_in
from tests.support.ledgers import SECRET, blank

AT = 1_795_973_400_000_000
OCTOBER = "2026-10-05T10:00:00+00:00"
BATCHES = 4_000
SOME = 50


def wait_until(enough: int, acknowledged: dict[int, Any]) -> None:
    deadline = time.monotonic() + 60
    while len(acknowledged) < enough:
        assert time.monotonic() < deadline, f"{len(acknowledged)} posts were acknowledged"
        time.sleep(0.01)


def test_a_backup_made_while_calls_are_committed_brings_back_those_before_it(tmp_path: Path) -> None:
    settings = Settings(database_url=blank(tmp_path / "ledger.db"))
    to, stop = tmp_path / "backups", threading.Event()
    committed: list[str] = []
    with open_ledger(settings) as ledger:

        def write() -> None:
            while not stop.is_set():
                committed.extend(put(ledger, [call(OCTOBER, 1)], first=len(committed)))

        writer = threading.Thread(target=write)
        writer.start()
        while len(committed) < SOME:
            assert writer.is_alive()
        before = len(committed)
        backup = back_up(settings, BackupOptions(destination=to), at=AT, stop=threading.Event()).backup
        stop.set()
        writer.join()
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    restore(settings, RestoreOptions(source=str(to)), by="ann", at=AT, stop=threading.Event())
    with open_existing(settings) as ledger:
        with ledger.reading() as connection:
            there = set(connection.execute(sa.select(usage_event.c.event_id)).scalars())
        assert there == set(committed[: len(there)]) >= set(committed[:before])
        assert backup.manifest is not None
        assert backup.manifest.contents.counts["events"] == len(there)
        put(ledger, [call(OCTOBER, 1)], first=len(there))
        rollups.roll(ledger)
        assert verify(ledger) == []


@pytest.mark.long
def test_what_was_acknowledged_before_a_backup_survives_the_loss_of_the_ledger(tmp_path: Path) -> None:
    url = blank(tmp_path / "ledger.db")
    environment = {"TALLYBOOK_DATABASE_URL": url, "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value()}
    server = Server(tmp_path, url)
    acknowledged: dict[int, dict[str, Any]] = {}
    sender = threading.Thread(target=post_until_it_dies, args=(server.url, range(BATCHES), acknowledged))
    sender.start()
    wait_until(10, acknowledged)
    before = dict(acknowledged)
    made = command_in(tmp_path, environment, "backup", "backups", "--verify", "--json")
    assert made.returncode == 0, made.stderr
    refused = command_in(tmp_path, environment, "restore", "backups", "--replace")
    assert (refused.returncode, "in use" in refused.stderr) == (1, True)
    wait_until(len(acknowledged) + 5, acknowledged)
    server.kill()
    sender.join()
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.db-wal").unlink(missing_ok=True)
    (tmp_path / "ledger.db-shm").unlink(missing_ok=True)

    restored = command_in(tmp_path, environment, "restore", "backups", "--json")
    assert restored.returncode == 0, restored.stderr
    with open_existing(Settings(database_url=url, secret_key=SECRET)) as ledger:
        with ledger.reading() as connection:
            there = set(connection.execute(sa.select(usage_event.c.event_id)).scalars())
        assert all(set(receipt["event_ids"]) <= there for receipt in before.values())
        assert len(there) == json.loads(made.stdout)["counts"]["events"] < 20 * len(acknowledged)

        again = Server(tmp_path, url)
        try:
            sent = [
                httpx.post(f"{again.url}v1/ingest", content=batch_of(batch)).json()
                for batch in sorted(acknowledged)
            ]
        finally:
            again.kill()
        assert sum(one["accepted"] for one in sent) == 20 * len(acknowledged) - len(there)
        assert all(one["rejected"] == 0 for one in sent)
        rollups.roll(ledger)
        assert [finding for finding in verify(ledger) if finding.level == "error"] == []


@pytest.mark.long
def test_posts_go_on_while_a_backup_is_made(tmp_path: Path) -> None:
    """Every post during the copy is acknowledged; none waits for its end."""
    url = blank(tmp_path / "ledger.db")
    environment = {"TALLYBOOK_DATABASE_URL": url, "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value()}
    server = Server(tmp_path, url)
    try:
        acknowledged: dict[int, dict[str, Any]] = {}
        sender = threading.Thread(target=post_until_it_dies, args=(server.url, range(60), acknowledged))
        sender.start()
        rounds = 0
        while sender.is_alive():
            assert command_in(tmp_path, environment, "backup", "backups", "--keep", "1").returncode == 0
            rounds += 1
        assert len(acknowledged) == 60
        assert rounds > 0
        assert len(list((tmp_path / "backups").glob("tallybook-*"))) == 1
    finally:
        server.kill()
