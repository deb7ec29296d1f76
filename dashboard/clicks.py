"""What is clicked, as views: a bar narrows the page to what it stands for, a chosen call is laid over it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dashboard.filters import DIMENSIONS, View, within_bucket
from ingest.model.zone import Zone

Id = Mapping[str, Any]


def of_chart(
    view: View, chart: Id, clicked: Mapping[str, Any] | None, zone: Zone, now: datetime
) -> View | None:
    """The view after a click on a chart; None where the click means nothing."""
    points = (clicked or {}).get("points") or []
    if not points:
        return None
    dimension = chart.get("dimension")
    if dimension == "time":
        return within_bucket(view, str(points[0]["x"]), chart.get("interval"), zone, now)
    data = points[0].get("customdata")
    value = data[-1] if isinstance(data, list) else None
    if dimension not in DIMENSIONS or not value:
        return None
    return view.narrowed(str(dimension), str(value))


def of_call(view: View, selected: Sequence[Mapping[str, Any]] | None) -> View | None:
    """The view with the chosen call over it; None where none is chosen."""
    return replace(view, request=str(selected[0]["id"])) if selected else None
