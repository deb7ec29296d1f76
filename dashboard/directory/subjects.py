"""Subjects: the team, key, project or model of a budget or an alert, with its shown name and its filter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from dashboard.directory import store as directory_store
from dashboard.query import labels
from dashboard.query.question import Filter
from ingest.ledger import directory
from ingest.ledger.engine import Connection
from ingest.ledger.key_hashes import KeyRing
from ingest.model.invalid import Invalid

PEOPLE: Final = ("team", "customer", "cost_center", "virtual_key")
"""The scopes whose subjects are entries of the directory."""
_LONGEST: Final = 500
About = tuple[str, str | None]
"""A scope and its subject as it is stored: the number of an entry as text, or the text that calls carry."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a budget or an alert."""

    scope: str
    shown: str | None
    """The shown name; None for everything."""
    value: str | None
    """The value that a filter uses."""

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters that limit a question to the subject."""
        return () if self.scope == "all" else (Filter(self.scope, (self.value,)),)

    @property
    def words(self) -> str:
        """The subject in a sentence: `team ML`, or `everything`."""
        return "everything" if self.shown is None else f"{self.scope.replace('_', ' ')} {self.shown}"


class NoSubject(Invalid):
    """A text that cannot be the name of a subject; the message says what to write."""


def entry_of(connection: Connection, keyring: KeyRing, scope: str, text: str | None) -> str | None:
    """A subject as it is stored, from its name. A project or model need not have calls yet.

    Raises:
        NotKnown: the directory has no entry of that name, or several.
        NoSubject: the text cannot be the name of a project or model.
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
    unique = set(abouts)
    entries = {int(subject) for scope, subject in unique if scope in PEOPLE and subject}
    shown = labels.entry_names(connection, entries)
    idents = directory_store.idents(connection, sorted(entries))
    return {about: _subject(*about, idents, shown) for about in unique}


def _subject(
    scope: str, subject: str | None, idents: Mapping[int, str], shown: Mapping[int | None, str | None]
) -> Subject:
    if scope not in PEOPLE or subject is None:
        return Subject(scope, subject, subject)
    entry = int(subject)
    ident = idents.get(entry, subject)
    return Subject(scope, shown.get(entry) or ident, ident)
