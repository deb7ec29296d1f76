"""Recall: stored events as pricing knew them, with the charge that they stand at.

Enough of an event to price it again comes back, not all of it. Its reported cost comes back whole: where it counts, its parts are
the stored components; where it does not, its total is what is known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ingest.event import ReportedCost, UsageEvent
from ingest.ledger import dialects
from ingest.ledger.fields import FACTS, TERMS
from ingest.ledger.tables import attribution, directory, price_set, term, usage_event
from ingest.pricing.charge import COMPONENTS, MONEY, Charge
from ingest.pricing.computed import UNSTATED

_OF_EVENT: Final = tuple(
    name for name in (*FACTS, *TERMS) if name in UsageEvent.__struct_fields__ and name != "labels"
)
_OF_CHARGE: Final = (*(name for name in FACTS if name in MONEY), "cost_source", "unpriced_reason")
_TEXTS: Final = frozenset(TERMS)
_PART: Final[Mapping[str, str]] = {name.removesuffix("_cost"): name for name in COMPONENTS}


@dataclass(frozen=True, slots=True)
class Recalled:
    """An event that is in the ledger: its row, when it was, what pricing is to know of it, what it stands at."""

    seq: int
    occurred_at: int
    event: UsageEvent
    charge: Charge


def recall(
    connection: sa.Connection, after: int, limit: int, where: Sequence[sa.ColumnElement[bool]] = ()
) -> list[Recalled]:
    """The next events behind the row `after`, in the order of their rows, at most `limit`."""
    names = [f"{name}_id" if name in _TEXTS else name for name in (*_OF_EVENT, *_OF_CHARGE)]
    columns = [_plain(usage_event.c[name]) for name in names]
    key = (usage_event.c.seq, usage_event.c.attribution_id, usage_event.c.price_set_id)
    wanted = sa.select(*key, *columns).where(usage_event.c.seq > after, *where)
    rows = connection.execute(wanted.order_by(usage_event.c.seq).limit(limit)).all()
    texts = _texts(connection, rows, names)
    people = _people(connection, {row.attribution_id for row in rows})
    digests = _digests(connection, {row.price_set_id for row in rows})
    return [_recalled(row, texts, people[row.attribution_id], digests) for row in rows]


def _recalled(
    row: Any, texts: Mapping[int, str], who: tuple[str | None, str | None], digests: Mapping[int, str]
) -> Recalled:
    values: dict[str, Any] = {}
    for name, value in zip((*_OF_EVENT, *_OF_CHARGE), row[3:], strict=True):
        values[name] = texts.get(value) if name in _TEXTS else value
    charge = Charge(price_set=digests.get(row.price_set_id), **{name: values[name] for name in _OF_CHARGE})
    facts = {name: values[name] for name in _OF_EVENT}
    facts["cache_hit"] = None if facts["cache_hit"] is None else bool(facts["cache_hit"])
    facts["stream"] = None if facts["stream"] is None else bool(facts["stream"])
    reported = _reported(charge)
    if reported is None and charge.price_set is not None:
        facts["currency"] = UNSTATED  # it has the currency of the prices, which may be others now
    event = UsageEvent(**facts, team=who[0], customer=who[1], reported=reported)
    return Recalled(row.seq, values["occurred_at"], event, charge)


def _reported(charge: Charge) -> ReportedCost | None:
    if charge.cost_source == "reported":
        parts = {part: getattr(charge, name) for part, name in _PART.items()}
        return ReportedCost(**parts, total=charge.total_cost, believed_zero=charge.total_cost == 0)
    if charge.reported_total is None:
        return None
    return ReportedCost(total=charge.reported_total)


def _texts(connection: sa.Connection, rows: Sequence[Any], names: Sequence[str]) -> dict[int, str]:
    places = [
        3 + at for at, name in enumerate(names) if name.endswith("_id") and name.removesuffix("_id") in _TEXTS
    ]
    wanted = sorted({row[at] for row in rows for at in places if row[at] is not None})
    found: dict[int, str] = {}
    for some in dialects.chunks(wanted):
        query = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(some))
        found.update(tuple(one) for one in connection.execute(query))
    return found


def _people(connection: sa.Connection, ids: Iterable[int]) -> dict[int, tuple[str | None, str | None]]:
    """The idents of team and customer, by attribution."""
    team, customer = directory.alias("team"), directory.alias("customer")
    source = attribution.outerjoin(team, team.c.entry_id == attribution.c.team_id).outerjoin(
        customer, customer.c.entry_id == attribution.c.customer_id
    )
    found: dict[int, tuple[str | None, str | None]] = {}
    for some in dialects.chunks(sorted(ids)):
        query = sa.select(attribution.c.attribution_id, team.c.ident, customer.c.ident).select_from(source)
        for one in connection.execute(query.where(attribution.c.attribution_id.in_(some))):
            found[one[0]] = (one[1], one[2])
    return found


def _digests(connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in dialects.chunks(sorted(one for one in ids if one is not None)):
        query = sa.select(price_set.c.price_set_id, price_set.c.digest).where(
            price_set.c.price_set_id.in_(some)
        )
        found.update(tuple(one) for one in connection.execute(query))
    return found


def _plain(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """The column as the integer that it is in the database."""
    kind = column.type
    return sa.type_coerce(column, kind.impl_instance) if isinstance(kind, sa.types.TypeDecorator) else column


def same(one: Charge, other: Charge) -> bool:
    """Whether two charges are the same to the last unit and by the same prices."""
    return msgspec.structs.astuple(one) == msgspec.structs.astuple(other)
