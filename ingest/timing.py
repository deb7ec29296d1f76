"""Durations of work that operators watch. Without a listener they cost nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, get_args

Work = Literal["commit", "question", "rollup"]
WORK: Final[tuple[Work, ...]] = get_args(Work)

_listeners: dict[Work, Callable[[float], object]] = {}


def listen(work: Work, listener: Callable[[float], object]) -> None:
    """Hand every duration of this work, in seconds, to `listener`; there is one listener in a process."""
    _listeners[work] = listener


@contextmanager
def timed(work: Work) -> Iterator[None]:
    """Time the block; work that fails is not counted."""
    started = time.perf_counter()
    yield
    if (listener := _listeners.get(work)) is not None:
        listener(time.perf_counter() - started)
