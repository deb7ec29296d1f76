"""One call of a key: its attempts, each an event as a gateway records it."""

from collections.abc import Iterator
from typing import Any, Final

from dashboard.demo.answers import answered_call, replayed_call
from dashboard.demo.keys import Key
from dashboard.demo.models import Model
from dashboard.demo.random_draws import RandomDraws
from dashboard.demo.schedules import HourConditions
from ingest.model.event import UsageEvent

SOURCE: Final = "demo"

_FAILURE_RATE: Final = 0.02
_FAILURE_RATE_IN_INCIDENT: Final = 0.7
_ERRORS: Final = (("rate_limit_exceeded", "429"), ("timeout", "504"), ("invalid_request_error", "400"))
_ERROR_WEIGHTS: Final = (5, 13, 23)
_TIMEOUT: Final = _ERRORS[1]


class CallGenerator:
    """Generates the events of calls and numbers them."""

    def __init__(self, seed: int, draws: RandomDraws) -> None:
        self._seed = seed
        self._draws = draws
        self._event_count = 0

    def attempts(self, key: Key, at: int, conditions: HourConditions) -> Iterator[UsageEvent]:
        """The events of a call that starts at `at`: one, or two if the first attempt fails and falls back."""
        draws = self._draws
        model = draws.pick(key.models, key.cumulative_weights)
        facts = self._common_facts(key, model, at, conditions)
        if key.cached and draws.happens(key.cached):
            yield UsageEvent(**facts | replayed_call(key, model, draws))
            return
        failure = _failure(model, conditions, draws)
        if failure is None:
            yield UsageEvent(**facts | answered_call(key, model, conditions, draws))
            return
        yield UsageEvent(**facts | failure)
        if key.fallback is None or failure["error_type"] == "invalid_request_error":
            return
        second = {
            "source_event_id": self._next_id(),
            "occurred_at": at + failure["latency_us"],
            "attempt": 1,
            "parent_id": facts["source_event_id"],
            "trace_id": facts["source_event_id"],
        }
        second_facts = facts | key.fallback.facts | second
        yield UsageEvent(**second_facts | answered_call(key, key.fallback, conditions, draws))

    def _common_facts(self, key: Key, model: Model, at: int, conditions: HourConditions) -> dict[str, Any]:
        """The facts of a call that are known before it is answered."""
        draws = self._draws
        facts = {
            **key.attribution,
            **model.facts,
            "source": SOURCE,
            "source_event_id": self._next_id(),
            "occurred_at": at,
            "attempt": 0,
            "request_type": key.work.request_type,
            "service_tier": "batch" if key.batches and conditions.batches else None,
            "model_requested": model.name,
            "labels": {"feature": key.features[draws.below(len(key.features))]},
        }
        if key.end_users:
            nth = int(key.end_users * draws.share() * draws.share())
            facts["end_user"] = f"user-{nth:04}"
        return facts

    def _next_id(self) -> str:
        self._event_count += 1
        return f"{self._seed}-{self._event_count}"


def _failure(model: Model, conditions: HourConditions, draws: RandomDraws) -> dict[str, Any] | None:
    """The facts of a failed call, which has no usage; None for a call that succeeds."""
    incident = model.provider == conditions.failing
    if not draws.happens(_FAILURE_RATE_IN_INCIDENT if incident else _FAILURE_RATE):
        return None
    error_type, error_code = _TIMEOUT if incident else draws.pick(_ERRORS, _ERROR_WEIGHTS)
    seconds = draws.between(20, 60) if error_type == "timeout" else draws.between(0.05, 0.4)
    return {
        "status": "error",
        "error_type": error_type,
        "error_code": error_code,
        "latency_us": int(seconds * 1_000_000),
        "retries": 0 if error_type == "invalid_request_error" else 1 + draws.below(2),
        "stream": False,
    }
