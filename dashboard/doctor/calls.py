"""Checks of the calls of the last month: a source that stopped, calls without a price, doubtful, refused."""

from collections import Counter, defaultdict
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from dashboard.alerts import store as alerts
from dashboard.doctor import store
from dashboard.doctor.model import Case, Findings, warning
from dashboard.query.question import Period, QuestionError, SpendQuery
from dashboard.query.run import run
from ingest.clock import rfc3339_seconds
from ingest.ledger.engine import Ledger
from ingest.ledger.verification import doubled_traffic
from ingest.model.zone import HOUR, day_number, instant

DAYS: Final = 31
"""Days that are looked back."""
DOUBLED_DAYS: Final = 7
"""Days in which doubled traffic is looked for: the question compares every source with every other."""
LEAST_DAYS: Final = 3
"""Days with calls from which a source has a usual time between them."""
_DAY: Final = 24 * HOUR
_SHOWN: Final = 5


class _Use(NamedTuple):
    """What a source sent on a day of the reporting zone."""

    day: int
    source: str
    calls: int
    unpriced: int
    flagged: int


def sources(case: Case) -> Findings:
    """Sources whose newest call is older than the longest time that was ever between their days."""
    assert case.ledger is not None, "asked with an open ledger only"
    days: dict[str, list[int]] = defaultdict(list)
    for use in _uses(case.ledger, case.now):
        days[use.source].append(use.day)
    for source, used in sorted(days.items()):
        if len(used) < LEAST_DAYS:
            continue  # an import, or a first try
        longest = max(later - earlier for earlier, later in pairwise(sorted(used)))
        last = _last_call(case.ledger, source, max(used))
        if last is not None and case.now - last > longest * _DAY:
            usual = "every day" if longest == 1 else f"at least every {longest} days"
            yield warning(
                f"{source} is silent: its last call is of {rfc3339_seconds(last)}, and it had calls {usual}",
                "look at the gateway and at what it logs about its deliveries; `tallybook rejected list`",
            )


def unpriced(case: Case) -> Findings:
    """Calls without a price."""
    assert case.ledger is not None, "asked with an open ledger only"
    uses = _uses(case.ledger, case.now)
    if count := sum(use.unpriced for use in uses):
        yield warning(
            f"{count:,} of {sum(use.calls for use in uses):,} calls of the last {DAYS} days have no price, "
            "and are in no total",
            "`tallybook prices list --unpriced` names the models; set their prices, then `tallybook reprice`",
        )


def flagged(case: Case) -> Findings:
    """Calls of which a part or the price is doubtful."""
    assert case.ledger is not None, "asked with an open ledger only"
    uses = _uses(case.ledger, case.now)
    if count := sum(use.flagged for use in uses):
        by_source = Counter[str]()
        for use in uses:
            by_source[use.source] += use.flagged
        (source, most), *_ = by_source.most_common(1)
        yield warning(
            f"{count:,} calls of the last {DAYS} days are flagged, most of them of {source} ({most:,})",
            "`tallybook spend --by flag,model` says which; docs/ledger.md says what the flags mean",
        )


def rejected(case: Case) -> Findings:
    """Records that could not become calls."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        found = store.rejected_since(connection, case.now - DAYS * _DAY)
    for rejected in found[:_SHOWN]:
        yield warning(
            f"{rejected.records:,} records of the last {DAYS} days were rejected as {rejected.code}, the newest at "
            f"{rfc3339_seconds(rejected.newest_at)}: {rejected.reason}",
            "`tallybook rejected list` shows them; `tallybook rejected retry` reads them again after an update",
        )
    if len(found) > _SHOWN:
        rest = sum(rejected.records for rejected in found[_SHOWN:])
        yield warning(f"{rest:,} more were rejected for {len(found) - _SHOWN} other reasons", "see the list")


def doubled(case: Case) -> Findings:
    """Traffic that seems to come in twice."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        for finding in doubled_traffic(connection, case.now - DOUBLED_DAYS * _DAY):
            yield warning(finding.detail, "stop one of the two; `tallybook verify` looks at all days")


def rates(case: Case) -> Findings:
    """Amounts that cannot be converted into the reporting currency."""
    assert case.ledger is not None, "asked with an open ledger only"
    query = SpendQuery(
        period=_period(case.now),
        zone=case.ledger.zone.name,
        metrics=("total_cost",),
        currency=case.ledger.currency,
    )
    try:
        run(case.ledger, query)
    except QuestionError as error:
        what, _, action = str(error).removeprefix("currency: ").partition("; ")
        yield warning(f"the amounts of the last {DAYS} days cannot be added up: {what}", action)


def _period(now: int) -> Period:
    return Period(instant(now - DAYS * _DAY), instant(now + HOUR))


@lru_cache(maxsize=1)
def _uses(ledger: Ledger, now: int) -> list[_Use]:
    """What each source sent on each day of the last month."""
    query = SpendQuery(
        period=_period(now),
        zone=ledger.zone.name,
        metrics=("requests", "unpriced_requests", "flagged_requests"),
        dimensions=("time", "source"),
        interval="day",
    )
    return [
        _Use(
            day_number(date.fromisoformat(str(row.key[0]))),
            str(row.key[1]),
            *(int(n or 0) for n in row.values),
        )
        for row in run(ledger, query).rows
        if row.key[1] is not None
    ]


def _last_call(ledger: Ledger, source: str, day: int) -> int | None:
    """When the last call of a source on a day was."""
    first, end = (instant(ledger.zone.midnight(number)) for number in (day, day + 1))
    with ledger.reading() as connection:
        return alerts.last_call(connection, source, first, end)
