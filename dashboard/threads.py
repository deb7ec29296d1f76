"""Threads in which pages read the ledger: as many as there are processors, so that what is asked first is done first.

With more of them, all parts of a page share the processors and all are done when the last is.
"""

import os
from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread

_FEWEST: Final = 2
_few: Final = anyio.CapacityLimiter(max(_FEWEST, os.cpu_count() or _FEWEST))


async def in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns, done off the event loop when its turn has come."""
    return await anyio.to_thread.run_sync(work, *arguments, limiter=_few)
