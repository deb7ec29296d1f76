"""Requests of the dashboard's callbacks, as a browser sends them, with any values."""

import json
from collections.abc import Mapping
from typing import Any, Final

PATH: Final = "/dashboard/_dash-update-component"
VALUES: Final[Mapping[str, Any]] = {
    "clickData": {"points": [{"x": "2026-10-05", "customdata": ["gpt-4o"]}]},
    "getRowsRequest": {"startRow": 0, "endRow": 100},
    "n_clicks": 1,
    "n_submit": 1,
    "opened": False,
    "pathname": "/dashboard/",
    "search": "?from=2026-10-01&to=2026-10-31",
    "selectedRows": [{"id": "0199a0a0-0000-7000-8000-000000000000"}],
    "value": "because",
}
"""A value that each property of a component may have; a property that is not here has none."""
_MONTH: Final = "2026-10"


def request_of(output: str, callback: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request of a callback of Dash's map, with values that a page may send."""
    inputs, state = ([_sent(spec) for spec in callback[kind]] for kind in ("inputs", "state"))
    first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
    ident = first["id"] if isinstance(first["id"], str) else json.dumps(first["id"], separators=(",", ":"))
    is_list = output.startswith("..")
    outputs = [_output(part) for part in output[2:-2].split("...")] if is_list else _output(output)
    return {
        "output": output,
        "outputs": outputs,
        "inputs": inputs,
        "changedPropIds": [f"{ident}.{first['property']}"],
        "state": state,
    }


def places(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The properties in a request, in whose place an odd value may be put."""
    sent = [*request["inputs"], *request["state"]]
    return [each for one in sent for each in (one if isinstance(one, list) else [one])]


def _sent(spec: Mapping[str, str]) -> Any:
    ident, name = _ident(spec["id"]), spec["property"]
    filled = {"id": ident, "property": name, "value": _value(ident, name)}
    return [filled] if '["ALL"]' in spec["id"] else filled


def _value(ident: Any, name: str) -> Any:
    if name == "id":
        return ident
    return _MONTH if ident == "chargeback-month" else VALUES.get(name)


def _output(text: str) -> Any:
    ident, _, name = text.rpartition(".")
    filled = {"id": _ident(ident), "property": name.partition("@")[0]}
    return [filled] if '["ALL"]' in ident else filled


def _ident(text: str) -> str | dict[str, str]:
    if not text.startswith("{"):
        return text
    known = {"search": str(VALUES["search"]), "dimension": "model", "interval": "day"}
    return {
        key: known.get(key, "x") if isinstance(one, list) else one for key, one in json.loads(text).items()
    }
