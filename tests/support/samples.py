"""The samples of all formats under `tests/formats`, read as events."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ingest import formats
from ingest.formats import stream
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.rejection import Refused
from tests.support.paths import FORMATS

SAMPLES = sorted(
    path
    for path in FORMATS.glob("*/*")
    if path.suffix in {".json", ".sse"} and not path.name.endswith(".expected.json")
)


def record(path: Path) -> bytes:
    if path.suffix == ".json":
        return path.read_bytes()
    lines = path.read_text().splitlines()
    return stream.assemble(
        [line.removeprefix("data: ").encode() for line in lines if line.startswith("data: {")]
    )


def plain(event: UsageEvent | ReportedCost) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return {
        name: plain(value)
        if isinstance(value, ReportedCost)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in fields.items()
        if value is not None and (name, value) != ("believed_zero", False) and name != "span"
    }


def events(raw: bytes) -> dict[str, Any] | list[dict[str, Any]]:
    page = formats.unpack(raw)
    try:
        return plain(formats.read(raw)) if page is None else [plain(formats.read(one)) for one in page]
    except Refused as refused:
        return {"refused": refused.code, "field": refused.field, "reason": refused.reason}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def outcome(raw: bytes) -> UsageEvent | Refused:
    try:
        formats.unpack(raw)
        return formats.read(raw)
    except Refused as refused:
        return refused


def is_told(outcome: UsageEvent | Refused) -> bool:
    """Whether it is an event, or a refusal with a code and a reason."""
    return isinstance(outcome, UsageEvent) or bool(outcome.code and outcome.reason)


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
