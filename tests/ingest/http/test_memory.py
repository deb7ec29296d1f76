"""Memory: what the bodies underway hold together is bounded, and a slow client cannot keep it."""

from contextlib import ExitStack

import pytest

from ingest.http import limits
from ingest.http.memory import Claim, Memory, OutOfMemory

MIB = 2**20
ALL = 64 * MIB


class Room:
    """The memory for bodies, with a clock that only moves when told."""

    def __init__(self, stack: ExitStack) -> None:
        self.time = 0.0
        self.memory = Memory(ALL, lambda: self.time)
        self._stack = stack

    def body(self, size: int, received: int = 0) -> Claim:
        claim = self._stack.enter_context(self.memory.claim())
        claim.received(received)
        claim.resize(size)
        return claim


@pytest.fixture
def room() -> Room:
    return Room(ExitStack())


def test_large_bodies_leave_a_quarter_to_small_ones(room: Room) -> None:
    for _ in range(4):
        room.body(11 * MIB)
    with pytest.raises(OutOfMemory):
        room.body(11 * MIB)
    for _ in range(30):
        room.body(MIB // 4)
    assert room.memory.held <= ALL


def test_small_bodies_are_bounded_too(room: Room) -> None:
    for _ in range(ALL // limits.BODY_BYTES):
        room.body(0)
    with pytest.raises(OutOfMemory):
        room.body(0)
    assert room.memory.held == ALL


def test_what_a_body_held_is_free_after_it(room: Room) -> None:
    for _ in range(10):
        with room.memory.claim() as claim:
            claim.resize(40 * MIB)
            claim.resize(10 * MIB)
            assert (room.memory.bodies, room.memory.held) == (1, 10 * MIB + limits.BODY_BYTES)
    assert (room.memory.bodies, room.memory.held) == (0, 0)


def test_a_slow_body_makes_room_for_a_faster_one(room: Room) -> None:
    stopped: list[str] = []
    slow = room.body(40 * MIB, 40 * MIB)
    slow.stop = lambda: stopped.append("slow")
    room.time = 60.0
    room.body(40 * MIB, 40 * MIB)
    assert stopped == ["slow"]
    assert room.memory.held == 40 * MIB + limits.BODY_BYTES


def test_a_body_that_is_as_fast_keeps_its_room(room: Room) -> None:
    other = room.body(40 * MIB, 40 * MIB)
    other.stop = lambda: pytest.fail("it was not slow")
    room.time = 3.0
    with pytest.raises(OutOfMemory):
        room.body(40 * MIB, 40 * MIB)


def test_a_body_in_its_turn_is_not_stopped(room: Room) -> None:
    room.body(40 * MIB, 40 * MIB)
    room.time = 60.0
    with pytest.raises(OutOfMemory):
        room.body(40 * MIB, 40 * MIB)
