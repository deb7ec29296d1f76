"""Corrections: changes of closed months, booked in the earliest open month after them.

They are computed: the amounts of the ledger now, less the sealed statement, less the corrections of the month
that later sealed statements have booked already.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Final

from dashboard.chargeback.compute import compute_amounts
from dashboard.chargeback.sealed import SealedStatements
from dashboard.chargeback.statement import Correction, Statement, by_id
from dashboard.chargeback.usage import by_owner
from dashboard.query.calendar import Calendar, Month, of_month, read_month
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Owner

_COMPUTED: Final = ("late", "ownership", "price", "booked")
"""Causes of corrections that are computed, not booked by hand."""


def corrections(ledger: Ledger, month: Month, closed: SealedStatements) -> Iterator[Correction]:
    """The corrections of closed months that are booked in this month."""
    for name in closed.closings:
        about = read_month(name)
        if about < month and booking_month(about, closed.closings) == month:
            yield from _difference(ledger, name, closed)


def booking_month(about: Month, closed: Container[str]) -> Month:
    """The earliest open month after a closed month, where its corrections are booked."""
    month = about.plus(1)
    while str(month) in closed:
        month = month.plus(1)
    return month


def _difference(ledger: Ledger, about: str, closed: SealedStatements) -> Iterator[Correction]:
    """What has changed in a closed month and is not booked yet, by owner and cause."""
    before = closed.statement(about)
    booked = _booked(about, closed)
    sealed, current = before.amounts_by_owner(), compute_amounts(ledger, of_month(read_month(about)))
    changes = {
        owner: current.get(owner, 0) - sealed.get(owner, 0) - booked.get(owner, 0)
        for owner in {*sealed, *current, *booked}
    }
    if any(changes.values()):
        yield from _by_cause(about, changes, _late(ledger, before, _booked(about, closed, "late")))


def _by_cause(about: str, changes: Mapping[Owner, int], late: Mapping[Owner, int]) -> Iterator[Correction]:
    """Divide changes by cause.

    Late calls come first. If the rest adds up to zero over all owners, cost only moved between owners.
    """
    owners = sorted({*changes, *late}, key=by_id)
    rest = {owner: changes.get(owner, 0) - late.get(owner, 0) for owner in owners}
    # Where calls are shared or converted, each part is rounded: one unit per owner is rounding.
    if sum(map(abs, rest.values())) <= len(owners):
        late, rest = changes, {}
    elif late and abs(left := sum(rest.values())) <= len(owners):
        most = max(late, key=lambda owner: abs(late[owner]))
        late, rest = {**late, most: late[most] + left}, {**rest, most: rest[most] - left}
    cause = "ownership" if abs(sum(rest.values())) <= len(owners) else "price"
    for owner in owners:
        if arrived := late.get(owner):
            yield Correction("late", owner, arrived, about)
        if moved := rest.get(owner):
            yield Correction(cause, owner, moved, about)


def _late(ledger: Ledger, before: Statement, booked: Mapping[Owner, int]) -> dict[Owner, int]:
    """The cost of calls that arrived after the statement was sealed, less what is booked of it already."""
    calendar = Calendar(before.period, before.first, before.end)
    arrived: dict[Owner, int] = {owner: -amount for owner, amount in booked.items()}
    for detail in by_owner(ledger, calendar.period(ledger.zone), after_call=before.last_call).details:
        arrived[detail.owner] = arrived.get(detail.owner, 0) + detail.used.cost
    return {owner: amount for owner, amount in arrived.items() if amount}


def _booked(about: str, closed: SealedStatements, *causes: str) -> dict[Owner, int]:
    """The corrections of a month in sealed statements, by owner; of all computed causes by default."""
    amounts: dict[Owner, int] = {}
    for statement in closed.since(about):
        for correction in statement.corrections:
            if correction.about == about and correction.cause in (causes or _COMPUTED):
                amounts[correction.owner] = amounts.get(correction.owner, 0) + correction.amount
    return amounts


def booked_elsewhere(month: Month, closed: SealedStatements) -> Iterator[Correction]:
    """Corrections that subtract from a reopened month what later statements have booked of it."""
    for owner, amount in sorted(_booked(str(month), closed).items(), key=lambda item: by_id(item[0])):
        if amount:
            yield Correction("booked", owner, -amount, str(month))
