"""Whose calls are: the key, project and such that an attribution says, and who owns it on a day, with what share."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import sqlalchemy as sa

from dashboard import names
from ingest.ledger import dialects
from ingest.ledger.ownership_tables import cost_center, owned
from ingest.ledger.tables import attribution, directory


class Who(NamedTuple):
    """What a call says of itself."""

    virtual_key_id: int | None = None
    project_id: int | None = None
    environment_id: int | None = None
    application_id: int | None = None


class Owner(NamedTuple):
    """Whom a call belongs to, by entry of the directory, and the part of it that does."""

    team_id: int | None = None
    customer_id: int | None = None
    cost_center_id: int | None = None
    share: Fraction = Fraction(1)


class Person(NamedTuple):
    """An entry of the directory: its id for programs and its name for people."""

    ident: str
    name: str
    gl_code: str | None = None


class Holders:
    """The ledger's attributions, owners and names, read once each as they are asked for."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._said: dict[int, tuple[Who, Owner]] = {}
        self._owned: dict[int, list[tuple[int, int, Owner]]] = {}
        self._people: dict[int, Person] = {}
        self._texts: dict[int | None, str | None] = {None: None}
        centers = connection.execute(sa.select(cost_center.c.entry_id, cost_center.c.gl_code))
        self._gl_codes: dict[int, str | None] = {row[0]: row[1] for row in centers}

    def learn(self, attributions: Iterable[int]) -> None:
        """Read what is to be known of these attributions."""
        new = sorted({one for one in attributions if one not in self._said})
        for some in dialects.chunks(new):
            self._read(some)
        said = [self._said[number] for number in new]
        owners = [owner for number in new for *_, owner in self._owned.get(number, ())]
        owners += [owner for _, owner in said]
        self.learn_people(entry for owner in owners for entry in owner[:3])
        self.learn_people(who.virtual_key_id for who, _ in said)

    def learn_texts(self, ids: Iterable[int | None]) -> None:
        """Read these texts."""
        self._texts.update(names.terms(self._connection, {one for one in ids if one not in self._texts}))

    def learn_people(self, entries: Iterable[int | None]) -> None:
        """Read these entries of the directory."""
        new = sorted({one for one in entries if one is not None and one not in self._people})
        shown = names.people(self._connection, new)
        c = directory.c
        for some in dialects.chunks(new):
            for entry_id, ident in self._connection.execute(
                sa.select(c.entry_id, c.ident).where(c.entry_id.in_(some))
            ):
                self._people[entry_id] = Person(ident, shown[entry_id] or ident, self._gl_codes.get(entry_id))

    def text(self, term_id: int | None) -> str | None:
        """A text."""
        return self._texts[term_id]

    def person(self, entry_id: int | None) -> Person | None:
        """An entry of the directory."""
        return None if entry_id is None else self._people[entry_id]

    def who(self, attribution_id: int) -> Who:
        """What calls of the attribution say of themselves."""
        return self._said[attribution_id][0]

    def owners(self, attribution_id: int, day: int) -> tuple[Owner, ...]:
        """Whom its calls belong to on a day of the reporting zone; the shares add up to 1."""
        then = tuple(owner for first, end, owner in self._owned.get(attribution_id, ()) if first <= day < end)
        return then or (self._said[attribution_id][1],)

    def _read(self, ids: Iterable[int]) -> None:
        c = attribution.c
        said = sa.select(
            c.attribution_id,
            c.virtual_key_id,
            c.project_id,
            c.environment_id,
            c.application_id,
            c.team_id,
            c.customer_id,
        ).where(c.attribution_id.in_(ids))
        for number, key, project, environment, application, team, customer in self._connection.execute(said):
            self._said[number] = (Who(key, project, environment, application), Owner(team, customer))
        held = sa.select(owned).where(owned.c.attribution_id.in_(ids)).order_by(owned.c.number)
        for row in self._connection.execute(held).mappings():
            owner = Owner(
                row["team_id"],
                row["customer_id"],
                row["cost_center_id"],
                Fraction(row["parts"], row["whole"]),
            )
            days = (row["first_day"], row["end_day"], owner)
            self._owned.setdefault(row["attribution_id"], []).append(days)
        self.learn_texts(text for number in ids for text in self._said[number][0][1:])
