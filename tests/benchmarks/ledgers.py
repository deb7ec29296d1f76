"""Large ledgers to ask: 90 days, 500 keys with a heavy tail, 40 models. Made once and kept."""

import shutil
import sys
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import Final

from pydantic import SecretStr

from ingest.intake.decode import Context
from ingest.intake.intake import Intake, make_decoder
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.entry import BATCH_RECORDS
from ingest.model.event import ReportedCost, UsageEvent
from ingest.settings import Settings

DAYS: Final = 90
START: Final = 1_785_542_400_000_000
"""2026-08-01 00:00 UTC, in microseconds."""
KEYS: Final = 500
MODELS: Final = 40
TEAMS: Final = 25

_HOUR: Final = 3_600_000_000
_HOURS: Final = DAYS * 24
_OF_DAY: Final = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 8, 9, 10, 10, 9, 7, 5, 4, 4, 3, 3, 2)


def opened(file: Path) -> Ledger:
    """The ledger in a file."""
    return open_ledger(Settings(database_url=f"sqlite:///{file}", secret_key=SecretStr("of the benchmarks")))


def make(folder: Path, events: int) -> tuple[Path, Path]:
    """A ledger with so many events, and a ledger with twice as many in the same slots; made where missing."""
    once, twice = make_one(folder, events), folder / f"{events}-twice.db"
    if not twice.exists():
        _fill(twice, once, events, seed=2)
    return once, twice


def make_one(folder: Path, events: int) -> Path:
    """A ledger with so many events; made where it is missing."""
    file = folder / f"{events}.db"
    folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        _fill(file, None, events, seed=1)
    return file


def _fill(file: Path, start_from: Path | None, events: int, seed: int) -> None:
    """Add events to a copy of a ledger, or to an empty one."""
    sys.stderr.write(f"making {file}, which takes some minutes\n")
    draft = file.with_suffix(".new")
    if start_from is None:
        draft.unlink(missing_ok=True)
    else:
        shutil.copy(start_from, draft)
    ledger = opened(draft)
    context = Context(channel="benchmark", received_at=START)
    decoder = make_decoder(ledger)
    coming = traffic(events, seed)
    with Intake(ledger, decoder, context) as intake:
        while some := list(islice(coming, BATCH_RECORDS)):
            intake.accept_decoded(decoder.decode_events(some, context))
    rollups.roll(ledger)
    ledger.close()
    draft.replace(file)


def traffic(events: int, seed: int) -> Iterator[UsageEvent]:
    """So many events, hour by hour."""
    share = Random(seed).random
    keys = list(accumulate(1 / (1 + rank) ** 1.1 for rank in range(KEYS)))
    hours = list(
        accumulate(_OF_DAY[hour % 24] * (0.4 if hour // 24 % 7 in (0, 1) else 1) for hour in range(_HOURS))
    )
    models = [f"model-{number:02}" for number in range(MODELS)]
    hour, due = -1, 0
    for number in range(events):
        while number >= due:
            hour += 1
            due = round(events * hours[hour] / hours[-1])
        key = bisect(keys, share() * keys[-1])
        # A key uses a few models, the first of them most.
        model = (key * 7 + int(4 * share() * share())) % MODELS
        yield _event(f"{seed}-{number}", hour, key, model, models[model], share(), share())


def _event(
    ident: str, hour: int, key: int, nth_model: int, model: str, size: float, luck: float
) -> UsageEvent:
    failed = luck < 0.015
    prompt, answer = 50 + int(6_000 * size * size), 5 + int(900 * size * luck)
    return UsageEvent(
        source="benchmark",
        source_event_id=ident,
        occurred_at=START + hour * _HOUR + int(_HOUR * luck),
        request_type="chat_completion",
        provider=f"provider-{nth_model % 6}",
        model=model,
        model_requested=model,
        status="error" if failed else "success",
        error_type="timeout" if failed else None,
        virtual_key=f"vk-{key:03}",
        virtual_key_name=f"Key {key:03}",
        team=f"team-{key % TEAMS}",
        team_name=f"Team {key % TEAMS}",
        environment="production" if key % 5 else "staging",
        latency_us=200_000 + answer * 12_000 + int(300_000 * luck),
        time_to_first_token_us=150_000 + int(400_000 * luck),
        input_tokens=None if failed else prompt,
        output_tokens=None if failed else answer,
        cache_read_tokens=None if failed else prompt // 3,
        total_tokens=None if failed else prompt + answer,
        reported=None if failed else ReportedCost(input=prompt * 1_250_000, output=answer * 10_000_000),
    )
