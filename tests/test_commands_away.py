"""Commands whose database goes away in the middle: one clear line, exit 1, no traceback, nothing lost."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.settings import Settings
from tests.support.cli import command_in
from tests.support.ledgers import SECRET
from tests.support.postgres_server import PostgresServer

Mishap = Callable[[], object]
CALL = {
    "object": "chat.completion",
    "model": "gpt-4o",
    "created": 1_790_000_000,
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return {
        "TALLYBOOK_DATABASE_URL": settings.database_url,
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }


@pytest.fixture
def mishap(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Mishap]:
    """Takes the database away until the test ends."""
    if settings.database_url.startswith("sqlite"):
        file = Path(settings.database_url.removeprefix("sqlite:///"))
        yield lambda: file.rename(file.with_name("moved.db"))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(server.stopped())


@contextmanager
def after_commits(count: int, mishap: Mishap) -> Iterator[None]:
    """The mishap happens right before one more commit than `count`."""
    seen: list[object] = []

    def on_commit(connection: object) -> None:
        seen.append(connection)
        if len(seen) == count + 1:
            mishap()

    sa.event.listen(sa.Engine, "commit", on_commit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "commit", on_commit)
    assert len(seen) > count, "the mishap has not happened"


def test_an_import_stops_with_a_line_that_says_why(
    tmp_path: Path, environment: dict[str, str], mishap: Mishap
) -> None:
    for file in range(4):
        lines = (json.dumps(CALL | {"id": f"{file}-{n}"}) for n in range(50))
        (tmp_path / f"{file}.jsonl").write_text("\n".join(lines))
    files = [f"{file}.jsonl" for file in range(4)]
    command_in(tmp_path, environment, "import", files[0])
    with after_commits(1, mishap):
        done = command_in(tmp_path, environment, "import", *files)
    assert done.returncode == 1
    assert re.search(
        r"^tallybook: stopped: the (ledger's file is gone|database of the ledger)", done.stderr, re.MULTILINE
    )
    assert "Traceback" not in done.stderr


def test_pricing_again_stops_with_a_line_that_says_why(
    tmp_path: Path, environment: dict[str, str], mishap: Mishap
) -> None:
    (tmp_path / "calls.jsonl").write_text("\n".join(json.dumps(CALL | {"id": str(n)}) for n in range(50)))
    command_in(tmp_path, environment, "import", "calls.jsonl")
    command_in(tmp_path, environment, "prices", "set", "openai", "gpt-4o", "input=1", "output=1")
    with after_commits(0, mishap):
        done = command_in(tmp_path, environment, "reprice")
    assert (done.returncode, "tallybook: stopped: " in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
