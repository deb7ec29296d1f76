"""What the callbacks of all pages share: a click turned into a view, and threads that read the ledger.

There are as many threads as processors, so that requests finish in the order in which they came. With more
threads all parts of a page would share the processors, and each part would be done only when the last one is.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import anyio.to_thread

from dashboard.ui.view import DIMENSIONS, View, within_bucket
from ingest.model.zone import Zone

_MIN_THREADS: Final = 2
_thread_limit: Final = anyio.CapacityLimiter(max(_MIN_THREADS, os.cpu_count() or _MIN_THREADS))

ComponentId = Mapping[str, Any]


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread, off the event loop, and return its result."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=_thread_limit)


def view_of_chart_click(
    view: View, chart_id: ComponentId, click: Mapping[str, Any] | None, zone: Zone, now: datetime
) -> View | None:
    """The view narrowed to the clicked bar of a chart; None if the click narrows nothing."""
    points = (click or {}).get("points") or []
    if not points:
        return None
    dimension = chart_id.get("dimension")
    if dimension == "time":
        return within_bucket(view, str(points[0]["x"]), chart_id.get("interval"), zone, now)
    data = points[0].get("customdata")
    value = data[-1] if isinstance(data, list) else None
    if dimension not in DIMENSIONS or not value:
        return None
    return view.narrowed(str(dimension), str(value))


def view_of_selected_call(view: View, selected: Sequence[Mapping[str, Any]] | None) -> View | None:
    """The view with the details of the selected call; None if no call is selected."""
    return replace(view, request=str(selected[0]["id"])) if selected else None
