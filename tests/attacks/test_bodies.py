"""No body costs its neighbours: the good records in it, and the posts of others before and after it.

What bounds the time that a body may take is counted: statements and rows of a commit, rejected records kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from ingest.http import limits
from ingest.http.app import make_api
from ingest.http.body import Body
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables.calls import rejected_record, usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.attacks.bodies import BODIES, GOOD, INGEST, LINES, HostileBody, good, named
from tests.support.ledgers import SECRET, blank

LIMIT: Final = 8 * 2**20
KEPT: Final = 1_000 + 10
"""Rejected records of one body that are kept, and what counts the others by their codes."""
STATEMENTS: Final = 60
"""Statements of one commit."""
REFUSALS: Final = frozenset({400, 413, 422})


class Commits:
    """Counts the statements of each transaction of a ledger."""

    def __init__(self, engine: sa.Engine) -> None:
        self.statements = [0]
        sa.event.listen(engine, "before_cursor_execute", self._count)
        sa.event.listen(engine, "commit", lambda _: self.statements.append(0))
        sa.event.listen(engine, "rollback", lambda _: self.statements.append(0))

    def _count(self, *_: Any) -> None:
        self.statements[-1] += 1

    def clear(self) -> None:
        self.statements = [0]


@dataclass(frozen=True)
class Turn:
    """What was done in one turn of a body: others wait for no more."""

    unpacked: int
    records: int


@contextmanager
def noted_turns() -> Iterator[list[Turn]]:
    """The turns of all bodies during the block."""
    turns: list[Turn] = []
    take = Body.turn

    def noting(body: Body) -> bool:
        unpacked, records = body.unpacked, body.receipt.records
        try:
            return take(body)
        finally:
            turns.append(Turn(body.unpacked - unpacked, body.receipt.records - records))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Body, "turn", noting)
        yield turns


@dataclass(frozen=True)
class Site:
    """A server with one ledger."""

    client: TestClient
    ledger: Ledger
    commits: Commits
    turns: list[Turn]

    def count(self, table: sa.Table) -> int:
        with self.ledger.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    def post(self, number: int) -> tuple[int, dict[str, Any]]:
        """Post a good record; the status and the receipt."""
        answer = self.client.post(INGEST, content=good(number), headers={"content-type": LINES})
        return answer.status_code, answer.json()

    def knows(self, body: HostileBody, number: int) -> bool:
        """Whether a good record of a body is in the ledger: it adds nothing when it is sent alone."""
        part = GOOD.get(body.join, good)(number)
        before = self.count(usage_event)
        alone = HostileBody("alone", lambda _: [part], 1, 1, body.media_type, body.join, path=body.path)
        self.client.post(body.path, content=alone.body(1, (number, number, number)), headers=alone.headers)
        return self.count(usage_event) == before


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that takes in one hostile body after the other."""
    file = tmp_path_factory.mktemp("hostile") / "ledger.db"
    with open_ledger(Settings(database_url=blank(file), secret_key=SECRET)) as ledger:
        commits = Commits(ledger.engine)
        app = make_api(ledger, Settings(max_body_bytes=LIMIT))
        with TestClient(app, raise_server_exceptions=False) as client, noted_turns() as turns:
            yield Site(client, ledger, commits, turns)


def receipt_of(answer: Any) -> dict[str, Any]:
    """The receipt of an answer, of a body that was taken in or refused half-way."""
    said: dict[str, Any] = answer.json()
    return said if answer.status_code == 200 else said["receipt"]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_hostile_body_costs_no_neighbour(site: Site, body: HostileBody) -> None:
    base = 10 * BODIES.index(body)
    before, first, middle, last, after = range(base, base + 5)
    assert site.post(before)[1]["accepted"] == 1
    there, kept = site.count(usage_event), site.count(rejected_record)
    site.commits.clear()
    site.turns.clear()
    answer = site.client.post(
        body.path, content=body.body(body.small, (first, middle, last)), headers=body.headers
    )
    statements, turns = list(site.commits.statements), list(site.turns)
    assert answer.status_code == 200 or answer.status_code in REFUSALS, answer.text
    if body.path == INGEST:
        assert site.count(usage_event) - there == receipt_of(answer)["accepted"]
    if body.has_neighbours and not body.spoils_all:
        assert site.knows(body, first)
        is_read_on = answer.status_code == 200 and not body.breaks_off
        assert not is_read_on or (site.knows(body, middle) and site.knows(body, last))
    assert site.post(after)[1]["accepted"] == 1
    assert max(statements) <= STATEMENTS
    assert max(turn.records for turn in turns) <= limits.BATCH_RECORDS
    assert max(turn.unpacked for turn in turns) <= limits.TURN_BYTES + limits.PIECE_BYTES
    assert site.count(rejected_record) - kept <= KEPT


def test_the_ledger_is_whole_after_all_of_them(site: Site) -> None:
    rollups.roll(site.ledger)
    assert verify(site.ledger) == []


def test_a_large_record_that_is_nearly_json_is_refused_before_it_is_mended(site: Site) -> None:
    body = named("a large record that is nearly JSON")
    receipt = site.client.post(INGEST, content=body.body(600_000, (1, 2, 3)), headers=body.headers).json()
    assert [one["code"] for one in receipt["rejections"]] == ["too_many_values"]
