"""Coroutines of tests, in a thread of their own: browser tests keep a loop running in the main thread."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

T = TypeVar("T")


def run_async(main: Callable[[], Awaitable[T]]) -> T:
    """What a coroutine function returns, or raises."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, main).result()
