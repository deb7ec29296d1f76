"""Whose calls are: the key, project and such that an attribution says, and who owns it on a day, with what share."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import sqlalchemy as sa

from dashboard.focus import store
from dashboard.query import labels


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
        self._gl_codes = store.gl_codes(connection)

    def learn(self, attributions: Iterable[int]) -> None:
        """Read what is to be known of these attributions."""
        new = sorted({one for one in attributions if one not in self._said})
        self._read(new)
        said = [self._said[number] for number in new]
        owners = [owner for number in new for *_, owner in self._owned.get(number, ())]
        owners += [owner for _, owner in said]
        self.learn_people(entry for owner in owners for entry in owner[:3])
        self.learn_people(who.virtual_key_id for who, _ in said)

    def learn_texts(self, ids: Iterable[int | None]) -> None:
        """Read these texts."""
        self._texts.update(
            labels.term_texts(self._connection, {one for one in ids if one not in self._texts})
        )

    def learn_people(self, entries: Iterable[int | None]) -> None:
        """Read these entries of the directory."""
        new = sorted({one for one in entries if one is not None and one not in self._people})
        shown = labels.entry_names(self._connection, new)
        for entry_id, ident in store.idents(self._connection, new).items():
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

    def _read(self, ids: Sequence[int]) -> None:
        for row in store.attributions(self._connection, ids):
            places = (row["virtual_key_id"], row["project_id"], row["environment_id"], row["application_id"])
            owner = Owner(row["team_id"], row["customer_id"])
            self._said[row["attribution_id"]] = (Who(*places), owner)
        for row in store.owners(self._connection, ids):
            share = Fraction(row["parts"], row["whole"])
            owner = Owner(row["team_id"], row["customer_id"], row["cost_center_id"], share)
            days = (row["first_day"], row["end_day"], owner)
            self._owned.setdefault(row["attribution_id"], []).append(days)
        self.learn_texts(text for number in ids for text in self._said[number][0][1:])
