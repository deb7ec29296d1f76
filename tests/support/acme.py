"""Calls of the provider acme, at a price of one's own: a million input tokens cost 10."""

import json
from pathlib import Path
from typing import Any

from tests.support.cli import Command

MILLION = 1_000_000


def acme_call(ident: str, at: str = "2026-10-05T10:00:00Z", tokens: int = MILLION, **envelope: Any) -> str:
    """A line of a call; `cost` is a cost that the gateway reports, other facts are of the envelope."""
    usage: dict[str, Any] = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    if (cost := envelope.pop("cost", None)) is not None:
        usage["cost"] = cost
    response = {
        "id": ident,
        "object": "chat.completion",
        "model": envelope.pop("model", "atlas"),
        "usage": usage,
    }
    return json.dumps(
        {"event_id": ident, "occurred_at": at, "provider": "acme", **envelope, "response": response}
    )


def acme_month(tallybook: Command, folder: Path, *lines: str) -> None:
    """Set the price, and import the calls."""
    tallybook("prices", "set", "acme", "atlas", "input=10", "output=10", "--from", "2026-01-01")
    file = folder / "acme.jsonl"
    file.write_text("\n".join(lines) + "\n")
    done = tallybook("import", str(file), "--json")
    assert json.loads(done.stdout)["accepted"] == len(lines), done.stdout
