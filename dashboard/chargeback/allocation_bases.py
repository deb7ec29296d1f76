"""The bases of allocation: what each owner used itself, in proportion to which pools are shared.

Cost is the direct cost of the statement. Tokens and requests are exact: a call that two teams share is a part
of a call for each of them.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from dashboard.chargeback.allocation import FEES, UNASSIGNED, Basis, Rules
from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import exact_sums
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Owner

_COUNTED: Final = ("tokens", "requests")
_OWNERS: Final = ("team", "customer", "cost_center")
_METRICS: Final = ("total_cost", "total_tokens", "requests")
"""With cost, because calls of another currency without a rate are in no statement."""


def bases_of(
    ledger: Ledger, period: Period, rules: Rules, day: int, costs: Mapping[Owner, int], fees: Iterable[str]
) -> dict[Owner, Basis]:
    """The basis of each owner with a team. `costs` are direct costs, `fees` the names of shared fees."""
    pools = {UNASSIGNED, FEES, *(f"fee:{name}" for name in fees)}
    is_counted = any(rules.on(pool, day).method in _COUNTED for pool in pools)
    counts = _counts(ledger, period) if is_counted else {}
    bases = {owner: Basis(cost, *counts.get(owner, ())) for owner, cost in costs.items()}
    return {owner: basis for owner, basis in bases.items() if owner.team_id is not None}


def _counts(ledger: Ledger, period: Period) -> dict[Owner, tuple[Fraction, Fraction]]:
    """The unrounded tokens and requests of each owner."""
    query = SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=_METRICS,
        dimensions=_OWNERS,
        currency=REPORTING,
        by_entry=True,
    )
    return {
        Owner(*(None if entry is None else int(entry) for entry in key)): (
            sums.get("total_tokens", Fraction(0)),
            sums.get("requests", Fraction(0)),
        )
        for (key, currency), sums in exact_sums(ledger, query).items()
        if currency == ledger.currency
    }
