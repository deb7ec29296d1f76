"""Repricing runs: the record of each run, which is never deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from ingest.ledger import audit
from ingest.ledger.tables.calls import term, usage_event
from ingest.ledger.tables.prices import reprice_run
from ingest.model.money import plain

Status = Literal["running", "interrupted", "done"]
Where = Sequence[sa.ColumnElement[bool]]
"""Conditions on events; an event must meet all of them."""
ROW_PARAMETER: Final = "of_row"
"""The statement parameter with the row number of the event whose charge is replaced."""

_to_json: Final = msgspec.json.Encoder().encode


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The events that a run prices; `start` and `end` are microseconds UTC, half-open."""

    start: int | None = None
    end: int | None = None
    provider: str | None = None
    model: str | None = None
    only_unpriced: bool = False


class ModelChange(msgspec.Struct, kw_only=True):
    """What a run changed for one model in one currency: pico-units, summed over the events that changed."""

    provider: str
    model: str
    currency: str
    events: int = 0
    before: int = 0
    after: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0

    @property
    def difference(self) -> int:
        """The total after minus the total before, in pico-units."""
        return self.after - self.before


class PriceBookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The price book that a run used: its newest row of each kind, and the lists that ship."""

    points: int
    terms: int
    aliases: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class Run:
    """The record of a run."""

    run_id: int
    status: Status
    scope: Scope
    prices: PriceBookVersion
    started_at: datetime
    started_by: str
    finished_at: datetime | None
    reached: int
    """The row of the last event that was examined."""
    examined: int
    changed: int
    changes: tuple[ModelChange, ...]


def start(connection: sa.Connection, scope: Scope, prices: PriceBookVersion, now: int, by: str) -> int:
    """Record the start of a run, also in the audit log; the number of the run."""
    row = {
        "status": "running",
        "scope": _to_json(scope).decode(),
        "prices": _to_json(prices).decode(),
        "started_at": now,
        "started_by": by,
        "reached": 0,
        "examined": 0,
        "changed": 0,
        "changes": "[]",
    }
    run_id = int(connection.execute(reprice_run.insert().returning(reprice_run.c.run_id), row).scalar_one())
    detail = msgspec.to_builtins(scope)
    entry = audit.Entry(at=now, by=by, action="reprice", subject=f"run {run_id}", detail=detail)
    audit.note(connection, entry)
    return run_id


def record_progress(
    connection: sa.Connection,
    run_id: int,
    reached: int,
    examined: int,
    changed: int,
    changes: Sequence[ModelChange],
) -> None:
    """Record the progress of a run, in the transaction that writes its charges."""
    _update(
        connection,
        run_id,
        {"reached": reached, "examined": examined, "changed": changed, "changes": _to_json(changes).decode()},
    )


def end(connection: sa.Connection, run_id: int, status: Status, now: int) -> None:
    """Record that a run is done or was interrupted."""
    _update(connection, run_id, {"status": status, "finished_at": now})


def runs(connection: sa.Connection, limit: int) -> list[Run]:
    """The last runs, the newest first."""
    select = sa.select(reprice_run).order_by(reprice_run.c.run_id.desc()).limit(limit)
    return [_run(row) for row in connection.execute(select).mappings()]


def run(connection: sa.Connection, run_id: int) -> Run:
    """The run with a number."""
    select = sa.select(reprice_run).where(reprice_run.c.run_id == run_id)
    return _run(connection.execute(select).mappings().one())


def unfinished_run(connection: sa.Connection) -> Run | None:
    """The newest run, if it is not done."""
    newest = runs(connection, 1)
    return newest[0] if newest and newest[0].status != "done" else None


def event_conditions(connection: sa.Connection, scope: Scope) -> list[sa.ColumnElement[bool]]:
    """The scope as conditions on events; a name that the ledger does not know matches no event."""
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    conditions = [] if scope.start is None else [at >= scope.start]
    conditions += [] if scope.end is None else [at < scope.end]
    if scope.only_unpriced:  # also partly priced
        conditions.append(usage_event.c.unpriced_reason_id.is_not(None))
    texts = {"provider": scope.provider, "model": scope.model}
    for name, text in texts.items():
        if text is not None:
            term_id = connection.execute(sa.select(term.c.term_id).where(term.c.text == text)).scalar()
            conditions.append(usage_event.c[f"{name}_id"] == (-1 if term_id is None else term_id))
    return conditions


def rows_after(row: int) -> sa.ColumnElement[bool]:
    """The condition on events after a row."""
    return usage_event.c.seq > row


def rows_up_to(row: int) -> sa.ColumnElement[bool]:
    """The condition on events up to and including a row."""
    return usage_event.c.seq <= row


def last_row(connection: sa.Connection) -> int:
    """The row of the newest event; 0 without events."""
    return connection.execute(sa.select(sa.func.max(usage_event.c.seq))).scalar() or 0


def count(connection: sa.Connection, where: Where) -> int:
    """The number of events that meet the conditions."""
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(usage_event).where(*where)).scalar_one()
    )


def replace_charges(connection: sa.Connection, rows: Sequence[Mapping[str, int | None]]) -> None:
    """Replace charges: each mapping has the columns of one event, and its row number as `ROW_PARAMETER`."""
    columns = {name: sa.bindparam(name, type_=sa.BigInteger) for name in rows[0] if name != ROW_PARAMETER}
    of_row = usage_event.c.seq == sa.bindparam(ROW_PARAMETER)
    connection.execute(usage_event.update().where(of_row).values(columns), rows)


def as_object(run: Run) -> dict[str, Any]:
    """A run as JSON shows it; amounts are decimal text."""
    scope = msgspec.to_builtins(run.scope)
    return {
        "run_id": run.run_id,
        "status": run.status,
        "scope": scope,
        "prices": msgspec.to_builtins(run.prices),
        "started_at": run.started_at.isoformat(),
        "started_by": run.started_by,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "examined": run.examined,
        "changed": run.changed,
        "changes": [change_object(change) for change in run.changes],
    }


def change_object(change: ModelChange) -> dict[str, Any]:
    """A change of one model as JSON shows it."""
    return {
        "provider": change.provider,
        "model": change.model,
        "currency": change.currency,
        "events": change.events,
        "before": plain(change.before),
        "after": plain(change.after),
        "difference": plain(change.difference),
        "unpriced_before": change.unpriced_before,
        "unpriced_after": change.unpriced_after,
    }


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(
        run_id=row["run_id"],
        status=row["status"],
        scope=msgspec.json.decode(row["scope"], type=Scope),
        prices=msgspec.json.decode(row["prices"], type=PriceBookVersion),
        started_at=row["started_at"],
        started_by=row["started_by"],
        finished_at=row["finished_at"],
        reached=row["reached"],
        examined=row["examined"],
        changed=row["changed"],
        changes=tuple(msgspec.json.decode(row["changes"], type=list[ModelChange])),
    )


def _update(connection: sa.Connection, run_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(reprice_run.update().where(reprice_run.c.run_id == run_id).values(values))
