"""Dirty slots: marks on the slots whose rollups are out of date.

A write marks the slots it touches in its own transaction, so that a mark is visible no later than the events.
Every mark has a unique generation. After making a slot's rollups, a process clears the mark only if the
generation is the same as before it read the events.
"""

import secrets
from collections.abc import Iterable

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import DAY_ROLLUPS, dirty_slot, ledger_property, rollup_slot, usage_event
from ingest.model.zone import Zone


class ZoneChanged(RuntimeError):
    """The ledger's reporting zone was changed while this process had it open."""


def mark(connection: sa.Connection, zone: Zone, instants: Iterable[int]) -> None:
    """Mark the slots that contain these instants, inside the transaction that writes to them."""
    length = zone.slot_length
    starts = sorted({at - at % length for at in instants})
    if not starts:
        return
    zone_name = _zone_name(connection)
    if zone_name != zone.name:
        raise ZoneChanged(
            f"the ledger's reporting zone is {zone_name} now, not {zone.name}: start this process again"
        )
    generation = secrets.randbits(62)
    statement = dialects.insert(connection, dirty_slot)
    upsert = statement.on_conflict_do_update(
        index_elements=["slot"], set_={"generation": statement.excluded.generation}
    )
    connection.execute(upsert, [{**zone.slot(start)._asdict(), "generation": generation} for start in starts])


def mark_again(connection: sa.Connection, slot: int) -> int:
    """Give the mark of a slot a new generation, which is returned."""
    generation = secrets.randbits(62)
    connection.execute(dirty_slot.update().where(dirty_slot.c.slot == slot).values(generation=generation))
    return generation


def zone_of(connection: sa.Connection) -> Zone:
    """The ledger's reporting zone as seen by this transaction."""
    return Zone(_zone_name(connection) or "UTC")


def _zone_name(connection: sa.Connection) -> str | None:
    query = sa.select(ledger_property.c.value).where(ledger_property.c.name == "timezone")
    return connection.execute(query).scalar()


def mark_everything(connection: sa.Connection, zone: Zone) -> None:
    """Drop all rollups and mark every slot that contains an event, on the grid of `zone`."""
    length = zone.slot_length
    starts = sa.select(sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger) // length).distinct()
    at = [start * length for start in connection.execute(starts).scalars()]
    for table in (dirty_slot, rollup_slot, *(table for table, _ in DAY_ROLLUPS)):
        connection.execute(table.delete())
    mark(connection, zone, at)


def clear(connection: sa.Connection, generations: dict[int, int]) -> set[int]:
    """Clear the marks whose generation is still the given one. Returns the slots that became clean."""
    pair = sa.tuple_(dirty_slot.c.slot, dirty_slot.c.generation)
    cleared: set[int] = set()
    for chunk in dialects.chunks(sorted(generations.items())):
        cleared.update(
            connection.execute(
                dirty_slot.delete().where(pair.in_(chunk)).returning(dirty_slot.c.slot)
            ).scalars()
        )
    return cleared
