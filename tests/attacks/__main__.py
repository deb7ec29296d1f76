"""Measure what each hostile body costs the next sender, and print a table for `docs/quality.md`.

    python -m tests.attacks [--seconds S] [WORD...]

posts every hostile body whose name has one of the words to a server of its own, from one address, while good
posts come from another. The posts wait at most S seconds; a server that answers none is started anew.
"""

import argparse
import gc
import http.client
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.attacks.bodies import BODIES, INGEST, LINES, HostileBody, good
from tests.attacks.server import MEBIBYTE, Server, most_memory
from tests.support.ledgers import blank

ATTACKER, NEIGHBOUR, WATCHER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Addresses of this machine: a server tells the senders apart by them."""
LEAST_POSTS: Final = 5
"""Good posts during an attack, however short it is."""
NUMBERS: Final = iter(range(10**9))


@dataclass
class Cost:
    """What a hostile body cost the others."""

    body: str
    sent: int
    answer: str = "none"
    answered: float = 0.0
    waits: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    grown: int = 0
    is_dead: bool = False
    """Whether a good post was not answered in time."""


def ask(
    port: int, source: str, method: str, path: str, timeout: float, body: bytes = b"", **headers: str
) -> int:
    """The status of the answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        return connection.getresponse().status
    finally:
        connection.close()


def attack(
    port: int, body: HostileBody, sent: bytes, seconds: float, cost: Cost, ended: threading.Event
) -> None:
    """Post the hostile body, and go after so many seconds."""
    started = time.perf_counter()
    try:
        headers = {name.replace("-", "_"): value for name, value in body.headers.items()}
        cost.answer = str(ask(port, ATTACKER, "POST", body.path, seconds, sent, **headers))
    except OSError as error:
        cost.answer = "gave up" if isinstance(error, TimeoutError) else type(error).__name__
    cost.answered = time.perf_counter() - started
    ended.set()


def watch_health(port: int, cost: Cost, seconds: float, done: threading.Event) -> None:
    """Ask for the server's health again and again."""
    while not done.wait(0.02):
        started = time.perf_counter()
        with suppress(OSError):
            ask(port, WATCHER, "GET", "/healthz", seconds)
        cost.health.append(time.perf_counter() - started)


def measure(server: Server, body: HostileBody, seconds: float) -> Cost:
    """Attack a server with a body, and post good records meanwhile."""
    sent = body.body(body.full)
    gc.collect()
    cost = Cost(body.name, len(sent))
    ended, done = threading.Event(), threading.Event()
    before = server.memory
    threads = [
        threading.Thread(target=attack, args=(server.port, body, sent, seconds, cost, ended)),
        threading.Thread(target=watch_health, args=(server.port, cost, seconds, done)),
    ]
    with most_memory(server) as most:
        for thread in threads:
            thread.start()
        while not cost.is_dead and (not ended.is_set() or len(cost.waits) < LEAST_POSTS):
            started = time.perf_counter()
            try:
                status = ask(
                    server.port,
                    NEIGHBOUR,
                    "POST",
                    INGEST,
                    2 * seconds,
                    good(next(NUMBERS)),
                    content_type=LINES,
                )
                cost.is_dead = status >= 500
            except OSError:
                cost.is_dead = True
            cost.waits.append(time.perf_counter() - started)
            time.sleep(0.01)
        done.set()
        for thread in threads:
            thread.join()
    cost.grown = most[0] - before
    return cost


def row(cost: Cost) -> str:
    """A row of the table."""
    waited = f"{max(cost.waits) * 1_000:,.0f} ms" + (", no answer" if cost.is_dead else "")
    cells = [
        cost.body,
        f"{cost.sent:,}",
        f"{cost.answer} after {cost.answered * 1_000:,.0f} ms",
        waited,
        f"{max(cost.health, default=0) * 1_000:,.0f} ms",
        f"{cost.grown / MEBIBYTE:,.0f} MiB",
    ]
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """The machine in a few words."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return (
                    f"{os.cpu_count()} cores of {line.partition(': ')[2]}, Python {platform.python_version()}"
                )
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def costs(bodies: list[HostileBody], seconds: float) -> Iterator[Cost]:
    """The cost of each body, for one server after the other."""
    with tempfile.TemporaryDirectory(prefix="tallybook-attacks-") as folder:
        url = blank(Path(folder) / "ledger.db")
        server = Server(Path(folder), url)
        try:
            for body in bodies:
                cost = measure(server, body, seconds)
                yield cost
                if cost.is_dead:
                    server.kill()
                    server = Server(Path(folder), url)
        finally:
            server.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("words", nargs="*", help="words of the names of bodies; all where none is given")
    parser.add_argument("--seconds", type=float, default=20, help="how long the attacker waits for an answer")
    asked = parser.parse_args()
    bodies = [body for body in BODIES if not asked.words or any(word in body.name for word in asked.words)]
    print(f"{machine()}\n")
    print("| body | bytes sent | answer | a good post waited at most | `/healthz` at most | memory grew by |")
    print("|---|---|---|---|---|---|")
    for cost in costs(bodies, asked.seconds):
        print(row(cost), flush=True)


if __name__ == "__main__":
    main()
