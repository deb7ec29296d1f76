"""An hour of everything: mixed traffic with hostile senders and faults, and what becomes of the memory.

    python -m tests.attacks.soak [--minutes M] [--seed S] [--folder F]

prints a line for each minute: the server's memory, records acknowledged, faults so far. At the end it looks
for every acknowledged record, checks every invariant, and exits with 1 if one is missing or one is broken, or
if the memory grows.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import sqlalchemy as sa

from ingest.ledger.engine import open_ledger
from ingest.ledger.rollups import roll
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings, sqlite_url
from tests.attacks.bodies import BODIES, HostileBody, key_of
from tests.attacks.server import MEBIBYTE, Server
from tests.support.import_runs import lines, response
from tests.support.ledgers import SECRET, blank
from tests.support.spans import as_json, request, span

SAMPLED_EVERY: Final = 10.0
"""Seconds between two looks at the server's memory."""
WARM_UP: Final = 0.2
"""The share of the time that a server takes to reach its working size: no slope is made of it."""
STEEPEST: Final = 1.0
"""MiB a minute by which the memory of a flat server may seem to grow."""
LARGEST_BODY: Final = 3 * MEBIBYTE
"""Larger hostile bodies are for `python -m tests.attacks`: here they would leave no time for others."""
FAULT_EVERY: Final = 20.0
"""Seconds between two faults, on average."""
UNAVAILABLE: Final = 503
PAUSE: Final = 0.2


@dataclass
class Traffic:
    """What is sent to a server that comes and goes, and what was acknowledged."""

    folder: Path
    file: Path
    seed: int
    server: Server
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: set[str] = field(default_factory=set)
    """The keys of the records that were acknowledged."""
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def number(self) -> int:
        with self.lock:
            return next(self.numbers)

    def count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1

    def note(self, what: str) -> None:
        """Remember an answer that nobody should get."""
        with self.lock:
            self.wrong.append(what[:300])


Worker = Callable[[Traffic, httpx.Client, random.Random], None]


def deliver(
    traffic: Traffic, client: httpx.Client, path: str, content: bytes, media_type: str, keys: Sequence[str]
) -> None:
    """Post a body until it is acknowledged, as a gateway does."""
    while not traffic.stop.is_set():
        try:
            answer = client.post(
                f"{traffic.server.url}{path}", content=content, headers={"content-type": media_type}
            )
        except httpx.TransportError:
            traffic.stop.wait(PAUSE)
            continue
        if answer.is_success:
            with traffic.lock:
                traffic.acknowledged.update(keys)
                traffic.done["records"] += len(keys)
            return
        if answer.status_code != UNAVAILABLE or "retry-after" not in answer.headers:
            traffic.note(f"{answer.status_code} for {path}: {answer.text}")
        traffic.stop.wait(PAUSE)


def post_one(traffic: Traffic, client: httpx.Client, _: random.Random) -> None:
    number = traffic.number()
    made = response(number)
    deliver(traffic, client, "v1/ingest", json.dumps(made).encode(), "application/json", [key_of(number)])


def post_lines(traffic: Traffic, client: httpx.Client, chance: random.Random) -> None:
    numbers = [traffic.number() for _ in range(chance.randint(2, 400))]
    content = lines(*map(response, numbers)).encode()
    deliver(traffic, client, "v1/ingest", content, "application/jsonl", [*map(key_of, numbers)])


def post_stream(traffic: Traffic, client: httpx.Client, _: random.Random) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    number = traffic.number()
    made = response(number, object="chat.completion.chunk", usage=usage)
    content = f"data: {json.dumps(made)}\n\ndata: [DONE]\n\n".encode()
    deliver(traffic, client, "v1/ingest", content, "text/event-stream", [key_of(number)])


def post_spans(traffic: Traffic, client: httpx.Client, _: random.Random) -> None:
    spans = [span(traffic.number() + 1) for _ in range(20)]
    deliver(traffic, client, "v1/traces", as_json(request(*spans)), "application/json", [])
    traffic.count("spans")


def post_hostile(traffic: Traffic, client: httpx.Client, chance: random.Random) -> None:
    body = chance.choice(hostile_bodies())
    with suppress(httpx.TransportError):
        answer = client.post(
            f"{traffic.server.url}{body.path[1:]}", content=body.body(body.small), headers=body.headers
        )
        if answer.status_code >= 500 and answer.status_code != UNAVAILABLE:
            traffic.note(f"{answer.status_code} for {body.name}")
    traffic.count("hostile bodies")
    traffic.stop.wait(1)


def hostile_bodies() -> list[HostileBody]:
    return [body for body in BODIES if len(body.make(1)) < LARGEST_BODY]


def ask(traffic: Traffic, client: httpx.Client, chance: random.Random) -> None:
    """Ask what a dashboard and its readers ask."""
    path = chance.choice(
        (
            *("v1/spend?by=model", "v1/spend?by=team,virtual_key&interval=day", "v1/requests?limit=50"),
            *(
                "v1/budgets",
                "v1/reports/chargeback?period=2026-09",
                "metrics",
                "dashboard/",
                "readyz",
                "healthz",
            ),
            *("dashboard/_dash-layout", "dashboard/_dash-dependencies", "v1/exports/focus?period=2026-09"),
        )
    )
    with suppress(httpx.TransportError):
        answer = client.get(f"{traffic.server.url}{path}")
        if answer.status_code >= 500 and answer.status_code != UNAVAILABLE:
            traffic.note(f"{answer.status_code} for {path}: {answer.text}")
    traffic.count("questions")
    traffic.stop.wait(0.2)


def call_back(traffic: Traffic, client: httpx.Client, chance: random.Random) -> None:
    """Post to a callback of the dashboard what no page would."""
    body = chance.choice((b"{}", b"null", b'{"output":"page.children","outputs":null,"inputs":null}'))
    with suppress(httpx.TransportError):
        client.post(
            f"{traffic.server.url}dashboard/_dash-update-component",
            content=body,
            headers={"content-type": "application/json"},
        )
    traffic.count("callbacks")
    traffic.stop.wait(0.5)


def command(traffic: Traffic, *words: str) -> int:
    """Run `tallybook` beside the server; its exit code, below 0 if it was killed."""
    environment = {
        "TALLYBOOK_DATABASE_URL": sqlite_url(traffic.file),
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard", *words],
        cwd=traffic.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = process.communicate()
    if "Traceback" in said:
        traffic.note(said[-300:])
    return process.returncode


def run_commands(traffic: Traffic, _: httpx.Client, chance: random.Random) -> None:
    """Import a file, close and reopen a month, ask for spend: what people do beside a server."""
    numbers = [traffic.number() for _ in range(2_000)]
    (traffic.folder / "calls.jsonl").write_text(lines(*map(response, numbers)))
    if command(traffic, "import", "calls.jsonl") == 0:
        with traffic.lock:
            traffic.acknowledged.update(map(key_of, numbers))
            traffic.done["records"] += len(numbers)
    words = chance.choice(
        (
            ("spend", "--by", "model"),
            ("period", "close", "2026-08", "--accept", "soak"),
            ("period", "reopen", "2026-08", "--reason", "soak"),
            ("reprice", "--only-unpriced"),
        )
    )
    command(traffic, *words)
    traffic.count("commands")
    traffic.stop.wait(10)


WORKERS: Final[tuple[Worker, ...]] = (
    *(post_one, post_one, post_lines, post_stream, post_spans, post_hostile, ask, call_back, run_commands),
)


def work(traffic: Traffic, worker: Worker, seed: int) -> None:
    """Do the same again and again until all stop."""
    chance = random.Random(seed)
    with httpx.Client(timeout=60) as client:
        while not traffic.stop.is_set():
            worker(traffic, client, chance)


def hold_lock(traffic: Traffic, chance: random.Random) -> None:
    with (
        closing(sqlite3.connect(traffic.file, isolation_level=None, timeout=30)) as holder,
        suppress(sqlite3.Error),
    ):
        holder.execute("BEGIN IMMEDIATE")
        traffic.stop.wait(chance.uniform(1, 6))
        holder.execute("ROLLBACK")


def kill_server(traffic: Traffic, _: random.Random) -> None:
    port = traffic.server.port
    traffic.server.kill()
    traffic.server = Server(traffic.folder, sqlite_url(traffic.file), port=port)


def kill_command(traffic: Traffic, chance: random.Random) -> None:
    """Kill an import under way."""
    environment = {
        "TALLYBOOK_DATABASE_URL": sqlite_url(traffic.file),
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard", "import", "calls.jsonl"],
        cwd=traffic.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    traffic.stop.wait(chance.uniform(0.5, 3))
    process.kill()
    process.wait()


def drop_senders(traffic: Traffic, chance: random.Random) -> None:
    """Begin bodies and go."""
    import socket

    head = b"POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/jsonl\r\nContent-Length: 9999999\r\n\r\n"
    for _ in range(10):
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", traffic.server.port), timeout=5) as sender,
        ):
            sender.sendall(head + b'{"id":"' + b"x" * chance.randint(1, MEBIBYTE))


def fill_disk(traffic: Traffic, chance: random.Random) -> None:
    """No file of the server may grow for a while: as on a full disk."""
    import resource

    pid = traffic.server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, before[1]))
    traffic.stop.wait(chance.uniform(1, 6))
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


FAULTS: Final = (
    hold_lock,
    fill_disk,
    drop_senders,
    kill_command,
    hold_lock,
    fill_disk,
    drop_senders,
    kill_server,
)


def break_things(traffic: Traffic) -> None:
    """One fault after the other, at random moments."""
    chance = random.Random(traffic.seed)
    while not traffic.stop.wait(chance.uniform(0.5, 1.5) * FAULT_EVERY):
        fault = chance.choice(FAULTS)
        fault(traffic, chance)
        traffic.count(fault.__name__)


@dataclass(frozen=True)
class Sample:
    """The server's memory at a moment."""

    seconds: float
    memory: int
    process: int


def slope(samples: Sequence[Sample]) -> float:
    """MiB a minute by which the memory grows: the least squares of what comes after the warm-up of a process.

    A server that was killed begins anew, so the slope is that of the process that lived longest.
    """
    longest, _ = Counter(sample.process for sample in samples).most_common(1)[0]
    of_one = [sample for sample in samples if sample.process == longest]
    settled = of_one[int(len(of_one) * WARM_UP) :]
    if len(settled) < 3:
        return 0.0
    minutes = [sample.seconds / 60 for sample in settled]
    sizes = [sample.memory / MEBIBYTE for sample in settled]
    middle, mean = sum(minutes) / len(minutes), sum(sizes) / len(sizes)
    spread = sum((minute - middle) ** 2 for minute in minutes)
    return sum((m - middle) * (s - mean) for m, s in zip(minutes, sizes, strict=True)) / spread


@dataclass(frozen=True)
class Outcome:
    """What a soak has shown."""

    samples: list[Sample]
    done: Counter[str]
    missing: int
    twice: int
    broken: list[str]
    wrong: list[str]

    @property
    def is_good(self) -> bool:
        return not (self.missing or self.twice or self.broken or self.wrong)


def soak(folder: Path, minutes: float, seed: int, tell: Callable[[str], None]) -> Outcome:
    """Let everything happen at once for some minutes."""
    file = folder / "ledger.db"
    traffic = Traffic(folder, file, seed, Server(folder, blank(file)))
    threads = [
        threading.Thread(target=work, args=(traffic, worker, seed + at)) for at, worker in enumerate(WORKERS)
    ]
    threads.append(threading.Thread(target=break_things, args=(traffic,)))
    samples: list[Sample] = []
    started = time.monotonic()
    for thread in threads:
        thread.start()
    tell("| minute | memory (MiB) | records | done |\n|---|---|---|---|")
    told = 0
    try:
        while (passed := time.monotonic() - started) < minutes * 60:
            with suppress(OSError, ValueError):
                samples.append(Sample(passed, traffic.server.memory, traffic.server.process.pid))
            if passed >= told * 60 and samples:
                done = ", ".join(
                    f"{what} {count}" for what, count in sorted(traffic.done.items()) if what != "records"
                )
                tell(
                    f"| {told} | {samples[-1].memory / MEBIBYTE:.0f} | {traffic.done['records']:,} | {done} |"
                )
                told += 1
            time.sleep(min(SAMPLED_EVERY, minutes * 60 / 12))
    finally:
        traffic.stop.set()
        for thread in threads:
            thread.join()
        traffic.server.stop()
    return _outcome(traffic, samples)


def _outcome(traffic: Traffic, samples: list[Sample]) -> Outcome:
    with open_ledger(Settings(database_url=sqlite_url(traffic.file), secret_key=SECRET)) as ledger:
        roll(ledger)
        broken = [f"{one.invariant}: {one.detail}" for one in verify(ledger) if one.level == "error"]
        with ledger.reading() as connection:
            found = Counter(connection.execute(sa.select(usage_event.c.source_event_id)).scalars())
    missing = len(traffic.acknowledged - found.keys())
    twice = sum(found[key] > 1 for key in traffic.acknowledged)
    return Outcome(samples, traffic.done, missing, twice, broken, traffic.wrong)


def main() -> int:
    """Run it and print what it showed; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="where the ledger lies; a new one where it is not given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tallybook-soak-") as made:
        outcome = soak(
            asked.folder or Path(made), asked.minutes, asked.seed, lambda line: print(line, flush=True)
        )
    grows = slope(outcome.samples)
    print(
        f"\n{outcome.done['records']:,} records acknowledged, {outcome.missing} missing, {outcome.twice} twice"
    )
    print(f"invariants broken: {outcome.broken or 'none'}; wrong answers: {outcome.wrong[:5] or 'none'}")
    print(f"memory grows by {grows:.2f} MiB a minute after warm-up")
    return 0 if outcome.is_good and grows < STEEPEST else 1


if __name__ == "__main__":
    sys.exit(main())
