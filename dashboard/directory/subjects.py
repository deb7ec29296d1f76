"""Subjects: whom budgets and alerts are about, as people call them and as questions filter on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import Connection

from dashboard.directory import store as directory_store
from dashboard.query import labels
from dashboard.query.question import Filter
from ingest.ledger import directory
from ingest.ledger.key_hashes import KeyRing
from ingest.model.invalid import Invalid

PEOPLE: Final = ("team", "customer", "cost_center", "virtual_key")
"""The scopes whose subjects are entries of the directory."""
_LONGEST: Final = 500
About = tuple[str, str | None]
"""A scope, and its subject as it is kept: an entry's number as text, or the text that calls name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom something is about."""

    scope: str
    shown: str | None
    """What people call it; None for everything."""
    value: str | None
    """What a filter calls it."""

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What narrows a question to it."""
        return () if self.scope == "all" else (Filter(self.scope, (self.value,)),)

    @property
    def words(self) -> str:
        """As a sentence calls it: `team ML`, or `everything`."""
        return "everything" if self.shown is None else f"{self.scope.replace('_', ' ')} {self.shown}"


class NoSubject(Invalid):
    """A text that nothing can be called; the message says what to write."""


def entry_of(connection: Connection, keyring: KeyRing, scope: str, text: str | None) -> str | None:
    """A subject as it is kept, from what somebody calls it. Projects and models need not have been seen: what is to come may be limited and watched as well.

    Raises:
        NotKnown: the directory knows nobody, or several, of that name.
        NoSubject: no call can name a project or model so.
    """
    if text is None:
        return None
    if scope in PEOPLE:
        return str(directory.find(connection, cast("directory.Kind", scope), text, keyring))
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        message = f"{text[:40]!r} is no {scope}; write its name as calls have it"
        raise NoSubject(f"invalid_{scope}", message, scope)
    return text


def subjects(connection: Connection, abouts: Iterable[About]) -> Mapping[About, Subject]:
    """The subjects of some scopes."""
    wanted = set(abouts)
    entries = {int(subject) for scope, subject in wanted if scope in PEOPLE and subject}
    shown = labels.entry_names(connection, entries)
    idents = directory_store.idents(connection, sorted(entries))
    return {about: _subject(*about, idents, shown) for about in wanted}


def _subject(
    scope: str, subject: str | None, idents: Mapping[int, str], shown: Mapping[int | None, str | None]
) -> Subject:
    if scope not in PEOPLE or subject is None:
        return Subject(scope, subject, subject)
    entry = int(subject)
    ident = idents.get(entry, subject)
    return Subject(scope, shown.get(entry) or ident, ident)
