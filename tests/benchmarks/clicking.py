"""How long callbacks take on a large ledger while five people click and calls arrive.

    python -m tests.benchmarks.clicking [FOLDER] [--events 1000000] [--people 5] [--arriving 200]
                                        [--seconds 60] [--workers 2]

A walk through every page is made once in Chromium, for what its callbacks send. Then each person walks it
over and over, from a place of their own, thinking one to four seconds before each click, while so many calls
a second are posted one by one into the last hour that the pages show. The ledger is kept in FOLDER and a copy
of it is served.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
from playwright.sync_api import Request, sync_playwright

from tests.benchmarks.ledgers import make_one
from tests.benchmarks.serving import served

MONTH: Final = "from=2026-10-01&to=2026-10-29"
LAST_HOUR: Final = 1_793_314_800
"""2026-10-29 23:00 UTC in seconds, the last hour of the pages: where new calls arrive."""
WALK: Final = (
    f"?{MONTH}",
    f"?{MONTH}&model=model-07",
    f"models?{MONTH}",
    f"models?{MONTH}&provider=provider-1",
    f"keys?{MONTH}",
    f"keys?{MONTH}&virtual_key=vk-003",
    f"keys?{MONTH}&team=team-4",
    f"latency?{MONTH}",
    f"latency?{MONTH}&virtual_key=vk-001",
    f"requests?{MONTH}&status=error",
    f"requests?{MONTH}",
    "?from=2026-08-01&to=2026-10-29",
)
CALLBACK: Final = "_dash-update-component"
CONNECTIONS: Final = 8


@dataclass(frozen=True)
class Callback:
    """What a browser sends to one callback."""

    name: str
    body: str


Click = Sequence[Callback]


def recorded(address: str) -> list[Click]:
    """The callbacks of each step of the walk."""
    clicks: list[Click] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        heard: list[Callback] = []

        def hear(request: Request) -> None:
            if CALLBACK in request.url and request.post_data:
                heard.append(Callback(json.loads(request.post_data)["output"], request.post_data))

        page.on("request", hear)
        for step in WALK:
            page.goto(f"{address}/dashboard/{step}")
            page.wait_for_selector("#page h1")
            page.wait_for_timeout(700)
            clicks.append(tuple(heard))
            heard.clear()
        browser.close()
    return clicks


async def measured(
    address: str, clicks: Sequence[Click], people: int, arriving: int, seconds: float
) -> tuple[dict[str, list[float]], list[float]]:
    """Milliseconds of every callback by its name, and of every posted call."""
    taken: dict[str, list[float]] = defaultdict(list)
    posted: list[float] = []
    until = time.perf_counter() + seconds
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        walkers = [_walk(client, clicks, Random(number), until, taken) for number in range(people)]
        senders = [
            _send(client, number, arriving / CONNECTIONS, until, posted) for number in range(CONNECTIONS)
        ]
        await asyncio.gather(*walkers, *senders)
    return taken, posted


async def _walk(
    client: httpx.AsyncClient,
    clicks: Sequence[Click],
    chance: Random,
    until: float,
    taken: dict[str, list[float]],
) -> None:
    at = chance.randrange(len(clicks))
    while time.perf_counter() < until:
        await asyncio.sleep(chance.uniform(1, 4))
        await asyncio.gather(*(_call(client, one, taken) for one in clicks[at % len(clicks)]))
        at += 1


async def _call(client: httpx.AsyncClient, callback: Callback, taken: dict[str, list[float]]) -> None:
    started = time.perf_counter()
    answer = await client.post(
        f"/dashboard/{CALLBACK}", content=callback.body, headers={"content-type": "application/json"}
    )
    if answer.status_code not in (200, 204):
        raise SystemExit(f"{callback.name}: {answer.status_code} {answer.text[:300]}")
    taken[callback.name].append((time.perf_counter() - started) * 1000)


async def _send(
    client: httpx.AsyncClient, number: int, each_second: float, until: float, posted: list[float]
) -> None:
    """Post calls one by one at a steady pace; one that is late does not wait."""
    due = time.perf_counter()
    sent = 0
    while due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        answer = await client.post("/v1/ingest", json=_body(f"live-{number}-{sent}", sent))
        answer.raise_for_status()
        posted.append((time.perf_counter() - started) * 1000)
        sent += 1
        due += 1 / each_second


def _body(ident: str, nth: int) -> dict[str, Any]:
    return {
        "response": {
            "id": ident,
            "object": "chat.completion",
            "created": LAST_HOUR + nth * 37 % 3_600,
            "model": f"model-{nth % 40:02}",
            "usage": {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1_020},
            "extra_fields": {
                "request_type": "chat_completion",
                "provider": "openai",
                "latency": 900 + nth % 900,
            },
        },
        "virtual_key": f"vk-{nth % 500:03}",
    }


def line(name: str, taken: Sequence[float]) -> str:
    high = statistics.quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]
    slow = sum(one > 300 for one in taken) / len(taken)
    figures = "".join(f"{one:>9.0f}" for one in (statistics.median(taken), high, max(taken)))
    return f"{name:34}{len(taken):>7}{figures}{slow:>11.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "tallybook-questions"
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--arriving", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = shutil.copy(make_one(arguments.folder, arguments.events), Path(folder) / "ledger.db")
        with served(Path(file), arguments.workers) as address:
            clicks = recorded(address)
            taken, posted = asyncio.run(
                measured(address, clicks, arguments.people, arguments.arriving, arguments.seconds)
            )
    print(
        f"{arguments.events:,} events, {arguments.workers} workers, {arguments.people} people, "
        f"{arguments.arriving} calls/s arriving; milliseconds"
    )
    print(f"{'':34}{'count':>7}{'median':>9}{'p95':>9}{'max':>9}{'over 300':>11}")
    for name, some in sorted(taken.items()):
        print(line(_short(name), some))
    print(line("all callbacks", [one for some in taken.values() for one in some]))
    print(line(f"posted calls ({len(posted) / arguments.seconds:.0f}/s)", posted))


def _short(name: str) -> str:
    """The first output of a callback, in few characters."""
    first = name.removeprefix("..").split("...")[0]
    return first if len(first) <= 33 else f"{first[:30]}..."


if __name__ == "__main__":
    main()
