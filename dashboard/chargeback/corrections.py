"""Corrections: what has changed in closed months, booked in the earliest open one after them.

They are worked out: the ledger now, less the statement as it was kept, less what later statements hold of it already.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Final

from dashboard.chargeback.compute import owed_now
from dashboard.chargeback.sealed import Kept
from dashboard.chargeback.statement import Correction, Statement, by_id
from dashboard.chargeback.usage import by_owner
from dashboard.query.calendar import Calendar, Month, of_month, read_month
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Owner

_COMPUTED: Final = ("late", "ownership", "price", "booked")
"""Causes of corrections that are worked out, not booked by hand."""


def corrections(ledger: Ledger, month: Month, closed: Kept) -> Iterator[Correction]:
    """What has changed in the closed periods whose changes are booked in this month."""
    for name in closed.closings:
        about = read_month(name)
        if about < month and landing(about, closed.closings) == month:
            yield from _difference(ledger, name, closed)


def landing(about: Month, closed: Container[str]) -> Month:
    """The earliest month after a closed one that is open: what comes to light later is booked there."""
    month = about.plus(1)
    while str(month) in closed:
        month = month.plus(1)
    return month


def _difference(ledger: Ledger, about: str, closed: Kept) -> Iterator[Correction]:
    """The ledger now, less the statement as it was kept, less what later statements hold of it: by owner and cause."""
    before = closed.statement(about)
    booked = _booked(about, closed)
    then, present = before.owed(), owed_now(ledger, of_month(read_month(about)))
    changes = {
        owner: present.get(owner, 0) - then.get(owner, 0) - booked.get(owner, 0)
        for owner in {*then, *present, *booked}
    }
    if any(changes.values()):
        yield from _caused(about, changes, _late(ledger, before, _booked(about, closed, "late")))


def _caused(about: str, changes: Mapping[Owner, int], late: Mapping[Owner, int]) -> Iterator[Correction]:
    """Changes by their cause: late calls first; of what is left, that which adds up to nothing only changed hands."""
    owners = sorted({*changes, *late}, key=by_id)
    rest = {owner: changes.get(owner, 0) - late.get(owner, 0) for owner in owners}
    # Where calls are shared or converted, parts of a part round by themselves: a unit for each owner is no cause.
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
    """What calls cost that came in after the statement was kept, less what later statements hold of them."""
    calendar = Calendar(before.period, before.first, before.end)
    arrived: dict[Owner, int] = {owner: -amount for owner, amount in booked.items()}
    for one in by_owner(ledger, calendar.period(ledger.zone), before.last_call).details:
        arrived[one.owner] = arrived.get(one.owner, 0) + one.used.cost
    return {owner: amount for owner, amount in arrived.items() if amount}


def _booked(about: str, closed: Kept, *causes: str) -> dict[Owner, int]:
    """What kept statements hold of changes to a period, of all causes or some."""
    found: dict[Owner, int] = {}
    for statement_ in closed.since(about):
        for one in statement_.corrections:
            if one.about == about and one.cause in (causes or _COMPUTED):
                found[one.owner] = found.get(one.owner, 0) + one.amount
    return found


def booked_elsewhere(month: Month, closed: Kept) -> Iterator[Correction]:
    """What later statements hold of a month that was opened again: it is not owed twice."""
    for owner, amount in sorted(_booked(str(month), closed).items(), key=lambda item: by_id(item[0])):
        if amount:
            yield Correction("booked", owner, -amount, str(month))
