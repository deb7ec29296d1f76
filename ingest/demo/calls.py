"""One call of a key: its attempts, each an event, as a gateway would have recorded them."""

from collections.abc import Iterator
from typing import Any, Final

from ingest.demo.answers import answered, replayed
from ingest.demo.chance import Chance
from ingest.demo.keys import Key
from ingest.demo.models import Model
from ingest.demo.rhythms import Moment
from ingest.event import UsageEvent

SOURCE: Final = "demo"

_FAILS: Final = 0.02
_FAILS_IN_INCIDENT: Final = 0.7
_ERRORS: Final = (("rate_limit_exceeded", "429"), ("timeout", "504"), ("invalid_request_error", "400"))
_ERRORS_RUNNING: Final = (5, 13, 23)
_TIMEOUT: Final = _ERRORS[1]


class Caller:
    """Makes calls, numbering their events."""

    def __init__(self, seed: int, chance: Chance) -> None:
        self._seed = seed
        self._chance = chance
        self._made = 0

    def attempts(self, key: Key, at: int, moment: Moment) -> Iterator[UsageEvent]:
        """The events of a call that starts at the instant `at`: one, or two where the first fails over."""
        chance = self._chance
        model = chance.pick(key.models, key.running)
        facts = self._common(key, model, at, moment)
        if key.cached and chance.happens(key.cached):
            yield UsageEvent(**facts | replayed(key, model, chance))
            return
        failed = _failure(model, moment, chance)
        if failed is None:
            yield UsageEvent(**facts | answered(key, model, moment, chance))
            return
        yield UsageEvent(**facts | failed)
        if key.fallback is None or failed["error_type"] == "invalid_request_error":
            return
        second = {
            "source_event_id": self._next_id(),
            "occurred_at": at + failed["latency_us"],
            "attempt": 1,
            "parent_id": facts["source_event_id"],
            "trace_id": facts["source_event_id"],
        }
        again = facts | key.fallback.facts | second
        yield UsageEvent(**again | answered(key, key.fallback, moment, chance))

    def _common(self, key: Key, model: Model, at: int, moment: Moment) -> dict[str, Any]:
        """What is known of a call before it is made."""
        chance = self._chance
        facts = {
            **key.who,
            **model.facts,
            "source": SOURCE,
            "source_event_id": self._next_id(),
            "occurred_at": at,
            "attempt": 0,
            "request_type": key.work.request_type,
            "service_tier": "batch" if key.batches and moment.batches else None,
            "model_requested": model.name,
            "labels": {"feature": key.features[chance.below(len(key.features))]},
        }
        if key.people:
            nth = int(key.people * chance.share() * chance.share())
            facts["end_user"] = f"user-{nth:04}"
        return facts

    def _next_id(self) -> str:
        self._made += 1
        return f"{self._seed}-{self._made}"


def _failure(model: Model, moment: Moment, chance: Chance) -> dict[str, Any] | None:
    """How a call fails; None for one that does not. A failed call has no usage."""
    incident = model.provider == moment.failing
    if not chance.happens(_FAILS_IN_INCIDENT if incident else _FAILS):
        return None
    error_type, error_code = _TIMEOUT if incident else chance.pick(_ERRORS, _ERRORS_RUNNING)
    seconds = chance.between(20, 60) if error_type == "timeout" else chance.between(0.05, 0.4)
    return {
        "status": "error",
        "error_type": error_type,
        "error_code": error_code,
        "latency_us": int(seconds * 1_000_000),
        "retries": 0 if error_type == "invalid_request_error" else 1 + chance.below(2),
        "stream": False,
    }
