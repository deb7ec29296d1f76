"""The incoming body: how long a client may be silent or slow."""

import anyio
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from ingest.http import limits
from ingest.http.incoming import Incoming, Pace, TooSlow
from tests.support.loops import run_async


class Client:
    """Sends messages, and then nothing."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)

    async def receive(self) -> Message:
        if not self._messages:
            await anyio.sleep_forever()
        return self._messages.pop(0)


def chunk(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


def test_a_client_below_the_least_speed_is_given_up_after_a_minute() -> None:
    pace = Pace()
    for _ in range(59):
        pace.note(1.0, 1)
    with pytest.raises(TooSlow, match="60 bytes came in 60 seconds"):
        pace.note(1.0, 1)


def test_a_client_above_it_may_take_its_time() -> None:
    pace = Pace()
    for _ in range(600):
        pace.note(1.0, limits.LEAST_SPEED)


def test_speed_counts_anew_every_minute() -> None:
    pace = Pace()
    pace.note(60.0, 2**30)
    with pytest.raises(TooSlow):
        pace.note(60.0, 1)


def test_a_silent_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.01)

    async def main() -> None:
        incoming = Incoming(Client(chunk(b"{")).receive)
        assert await incoming.chunk() == b"{"
        await incoming.chunk()

    with pytest.raises(TooSlow, match="nothing came"):
        run_async(main)


def test_looking_for_the_client_loses_nothing_it_has_sent() -> None:
    async def main() -> list[bytes | None]:
        incoming = Incoming(Client(chunk(b"a"), chunk(b"b", more=False)).receive)
        read = []
        for _ in range(3):
            await incoming.check_connected()
            await incoming.check_connected()
            read.append(await incoming.chunk())
        incoming.close()
        return read

    assert run_async(main) == [b"a", b"b", None]


def test_a_client_that_has_gone_is_noticed_between_turns() -> None:
    async def main() -> None:
        incoming = Incoming(Client(chunk(b"a", more=False), {"type": "http.disconnect"}).receive)
        await incoming.chunk()
        await incoming.check_connected()

    with pytest.raises(ClientDisconnect):
        run_async(main)


def test_waiting_for_a_client_can_be_stopped() -> None:
    async def main() -> None:
        incoming = Incoming(Client().receive)
        async with anyio.create_task_group() as group:
            group.start_soon(stop_soon, incoming)
            with pytest.raises(ConnectionError):
                await incoming.chunk()

    async def stop_soon(incoming: Incoming) -> None:
        incoming.stop(ConnectionError())

    run_async(main)
