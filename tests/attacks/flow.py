"""Senders as gateways are: each record is posted until it is acknowledged, whatever happens to the server."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.attacks.bodies import good
from tests.support.import_runs import lines, response

PAUSE: Final = 0.05
"""Seconds before a refused record is posted again: less than Retry-After asks, as impatient senders do."""
UNAVAILABLE: Final = 503


@dataclass
class Flow:
    """Posts from several senders, and what was answered."""

    address: Callable[[], str]
    """Where to post now: a server that was started again may be elsewhere."""
    first: int = 0
    acknowledged: dict[int, float] = field(default_factory=dict)
    """Records by their number, and when each was acknowledged (seconds of a monotonic clock)."""
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[Any] = field(default_factory=list)
    """Answers that no sender should get: other than 200, and 503 with Retry-After."""
    longest_wait: float = 0.0
    _next: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Post no more."""
        self._stop.set()

    def send(self) -> None:
        """Post one record after the other until `stop`."""
        with httpx.Client(timeout=60) as client:
            while not self._stop.is_set():
                with self._lock:
                    number = self.first + self._next
                    self._next += 1
                while not self._stop.is_set() and not self._post(client, number):
                    self._stop.wait(PAUSE)

    def _post(self, client: httpx.Client, number: int) -> bool:
        """Post a record once; whether it was acknowledged."""
        started = time.monotonic()
        try:
            answer = client.post(f"{self.address()}v1/ingest", content=good(number))
        except httpx.TransportError:
            return False
        ended = time.monotonic()
        with self._lock:
            self.statuses[answer.status_code] += 1
            self.longest_wait = max(self.longest_wait, ended - started)
            if answer.status_code == UNAVAILABLE:
                if "retry-after" not in answer.headers:
                    self.wrong.append(answer.text)
            elif answer.is_success and not answer.json()["rejected"]:
                self.acknowledged[number] = ended
                return True
            else:
                self.wrong.append((answer.status_code, answer.text[:500]))
        return False

    def acknowledged_since(self, moment: float) -> int:
        """How many records were acknowledged after a moment."""
        with self._lock:
            return sum(at > moment for at in self.acknowledged.values())

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Wait until so many more records are acknowledged."""
        moment, deadline = time.monotonic(), time.monotonic() + seconds
        while self.acknowledged_since(moment) < count:
            assert time.monotonic() < deadline, f"only {self.acknowledged_since(moment)}: {self.statuses}"
            time.sleep(0.02)


@contextmanager
def flowing(address: Callable[[], str], senders: int = 4, first: int = 0) -> Iterator[Flow]:
    """Posts that go on during the block."""
    flow = Flow(address, first)
    threads = [threading.Thread(target=flow.send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield flow
    finally:
        flow.stop()
        for thread in threads:
            thread.join()


def readiness(address: str) -> tuple[int, str]:
    """The status and the text of `/readyz`; 0 where nobody answers."""
    try:
        answer = httpx.get(f"{address}readyz", timeout=5)
    except httpx.TransportError as error:
        return 0, type(error).__name__
    return answer.status_code, answer.text


def until(address: str, status: int, seconds: float) -> float:
    """Wait until `/readyz` has a status; how many seconds that took."""
    started = time.monotonic()
    while (now := readiness(address))[0] != status:
        assert time.monotonic() - started < seconds, now
        time.sleep(0.05)
    return time.monotonic() - started


PER_BATCH: Final = 20
"""Records of a batch."""


def batch_of(number: int) -> str:
    """The body with the records of a batch."""
    return lines(*(response(number * PER_BATCH + n) for n in range(PER_BATCH)))


def post_until_it_dies(url: str, batches: range, acknowledged: dict[int, dict[str, Any]]) -> None:
    """Post batch after batch until the server is killed; the receipts of those that it acknowledged."""
    with httpx.Client(base_url=url, timeout=30) as client:
        for number in batches:
            try:
                answer = client.post(
                    "/v1/ingest", content=batch_of(number), headers={"content-type": "application/jsonl"}
                )
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            acknowledged[number] = answer.json()
