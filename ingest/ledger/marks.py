"""Dirty marks: which slots' rollups must not be believed.

A write marks the slots it touches in its own transaction, so a mark is there no later than the events are visible.
Every mark carries a generation that no other mark has; whoever has made a slot's rollups clears the mark only if
its generation is still the one he read before he looked at the events.
"""

import secrets
from collections.abc import Iterable

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables import (
    DAY_ROLLUPS,
    dirty_slot,
    ledger_property,
    rollup_slot,
    usage_event,
)
from ingest.model.zone import Zone


class ZoneChanged(RuntimeError):
    """The ledger's reporting zone was changed while this process had it open."""


def mark(connection: sa.Connection, zone: Zone, instants: Iterable[int]) -> None:
    """Mark the slots that hold these instants, inside the transaction that writes there."""
    length = zone.slot_length
    starts = sorted({at - at % length for at in instants})
    if not starts:
        return
    held = _zone_name(connection)
    if held != zone.name:
        raise ZoneChanged(
            f"the ledger's reporting zone is {held} now, not {zone.name}: start this process again"
        )
    generation = secrets.randbits(62)
    statement = dialects.insert(connection, dirty_slot)
    upsert = statement.on_conflict_do_update(
        index_elements=["slot"], set_={"generation": statement.excluded.generation}
    )
    connection.execute(upsert, [{**zone.slot(start)._asdict(), "generation": generation} for start in starts])


def zone_of(connection: sa.Connection) -> Zone:
    """The ledger's reporting zone as it is in this transaction."""
    return Zone(_zone_name(connection) or "UTC")


def _zone_name(connection: sa.Connection) -> str | None:
    held = sa.select(ledger_property.c.value).where(ledger_property.c.name == "timezone")
    return connection.execute(held).scalar()


def mark_everything(connection: sa.Connection, zone: Zone) -> None:
    """Drop all rollups and mark every slot that holds an event, on the grid of `zone`."""
    length = zone.slot_length
    starts = sa.select(sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger) // length).distinct()
    at = [start * length for start in connection.execute(starts).scalars()]
    for table in (dirty_slot, rollup_slot, *(table for table, _ in DAY_ROLLUPS)):
        connection.execute(table.delete())
    mark(connection, zone, at)


def clear(connection: sa.Connection, generations: dict[int, int]) -> set[int]:
    """Clear the marks that still carry the generation given for their slot; the slots that are clean now."""
    pair = sa.tuple_(dirty_slot.c.slot, dirty_slot.c.generation)
    cleared: set[int] = set()
    for some in dialects.chunks(sorted(generations.items())):
        cleared.update(
            connection.execute(
                dirty_slot.delete().where(pair.in_(some)).returning(dirty_slot.c.slot)
            ).scalars()
        )
    return cleared
