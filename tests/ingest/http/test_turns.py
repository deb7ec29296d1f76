"""Turns: who goes next in the one thread that all bodies share."""

from collections import Counter
from collections.abc import Callable, Sequence

import anyio
import anyio.lowlevel
import pytest

from ingest.http import turns
from ingest.http.turns import Turns, TurnTaker
from tests.support.loops import run_async


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Play:
    """Bodies that take turns, and the order in which they did."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.clock = Clock()
        self.turns = Turns(self.clock)

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        """One turn of `name`, which takes `seconds`."""

        def run() -> None:
            self.order.append(name)
            self.clock.time += seconds

        return run

    async def body(self, name: str, sender: str, seconds: Sequence[float]) -> None:
        """A body that takes one turn for each of `seconds`."""
        taker = TurnTaker(sender)
        for one in seconds:
            await self.turns.run(taker, self.work(name, one))

    def play(self, *bodies: tuple[str, str, Sequence[float]]) -> list[str]:
        """The order of the turns of bodies that begin together, in this order."""

        async def main() -> None:
            async with anyio.create_task_group() as group:
                for body in bodies:
                    group.start_soon(self.body, *body)

        run_async(main)
        return self.order


LONG = [0.05] * 40


def test_a_new_body_waits_for_few_turns_of_those_that_have_had_many() -> None:
    async def main() -> int:
        play = Play()
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(play.body, f"long {number}", "one address", LONG)
            while len(play.order) < 100:
                await anyio.lowlevel.checkpoint()
            before = len(play.order)
            await play.body("small", "one address", [0.001])
            waited = play.order.index("small") - before
            group.cancel_scope.cancel()
        return waited

    assert run_async(main) <= 3


def test_small_bodies_go_before_many_that_begin_with_large_blocks() -> None:
    play = Play()

    async def large(name: str) -> None:
        await play.turns.run(TurnTaker("one address", block=2**20), play.work(name, 0.01))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(large, f"large {number}")
            await anyio.lowlevel.checkpoint()
            group.start_soon(play.body, "small", "one address", [0.01])

    run_async(main)
    assert play.order.index("small") <= 2


def test_senders_have_equal_shares_however_many_bodies_they_send() -> None:
    many = [(f"many {number}", "many", LONG) for number in range(9)]
    order = Play().play(*many, ("one", "one", LONG))
    last = len(order) - order[::-1].index("one")
    shares = Counter(name.split()[0] for name in order[20:last])
    assert abs(shares["many"] - shares["one"]) <= 4


def test_a_large_body_gets_on_while_small_ones_keep_coming() -> None:
    small = [(f"small {number}", f"sender {number}", [0.001]) for number in range(200)]
    order = Play().play(("large", "large", [0.2] * 40), *small)
    assert order[:120].count("large") >= 20


def test_bodies_of_one_sender_take_turns() -> None:
    order = Play().play(("a", "x", [0.01] * 3), ("b", "x", [0.01] * 3))
    assert order == ["a", "b", "a", "b", "a", "b"]


def test_a_body_that_is_given_up_leaves_the_line() -> None:
    play = Play()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(play.body, "first", "x", [0.01] * 3)
            await anyio.lowlevel.checkpoint()
            with anyio.move_on_after(0):
                await play.body("gone", "y", [0.01])
        await play.body("last", "z", [0.01])

    run_async(main)
    assert play.order == ["first", "first", "first", "last"]
    assert play.turns.waiting == 0


def test_all_that_wait_can_be_refused_at_once() -> None:
    play = Play()
    refused: list[str] = []

    async def waits(name: str) -> None:
        try:
            await play.body(name, name, [0.01])
        except ConnectionError:
            refused.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(play.body, "first", "x", [0.01])
            await anyio.lowlevel.checkpoint()
            for number in range(5):
                group.start_soon(waits, str(number))
            await anyio.lowlevel.checkpoint()
            play.turns.refuse_waiting(ConnectionError)
        await play.body("last", "z", [0.01])

    run_async(main)
    assert (refused, play.order) == (list("01234"), ["first", "last"])


def test_the_line_is_full_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "QUEUE", 1)
    play = Play()
    full: list[bool] = []

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(2):
                full.append(play.turns.is_full)
                group.start_soon(play.body, str(number), "x", [0.01])
                await anyio.lowlevel.checkpoint()
            full.append(play.turns.is_full)

    run_async(main)
    assert full == [False, False, True]
