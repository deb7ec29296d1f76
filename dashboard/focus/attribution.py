"""Attributions: the virtual key, project and other dimensions of calls, and their owners by day."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from dashboard.focus import store
from dashboard.query import labels
from ingest.ledger.engine import Connection


class CallDimensions(NamedTuple):
    """The key and the places that a call names: ids of a directory entry and of three terms."""

    virtual_key_id: int | None = None
    project_id: int | None = None
    environment_id: int | None = None
    application_id: int | None = None


class OwnerShare(NamedTuple):
    """The owners of a call, as ids of directory entries, and the share of the call that is theirs."""

    team_id: int | None = None
    customer_id: int | None = None
    cost_center_id: int | None = None
    share: Fraction = Fraction(1)


class DirectoryEntry(NamedTuple):
    """A directory entry: its external id, its name, and a cost centre's general ledger code."""

    ident: str
    name: str
    gl_code: str | None = None


class Attributions:
    """The ledger's attributions, owners, names and terms. Each is read once, by the `load` methods."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._named: dict[int, tuple[CallDimensions, OwnerShare]] = {}
        self._assigned: dict[int, list[tuple[int, int, OwnerShare]]] = {}
        self._entries: dict[int, DirectoryEntry] = {}
        self._texts: dict[int | None, str | None] = {None: None}
        self._gl_codes = store.gl_codes(connection)

    def load(self, attribution_ids: Iterable[int]) -> None:
        """Read these attributions with their owners, keys and terms."""
        new_ids = sorted(
            {attribution_id for attribution_id in attribution_ids if attribution_id not in self._named}
        )
        self._read(new_ids)
        named = [self._named[number] for number in new_ids]
        owners = [owner for number in new_ids for *_, owner in self._assigned.get(number, ())]
        owners += [owner for _, owner in named]
        self.load_entries(entry for owner in owners for entry in owner[:3])
        self.load_entries(dimensions.virtual_key_id for dimensions, _ in named)

    def load_texts(self, ids: Iterable[int | None]) -> None:
        """Read the texts of these terms."""
        self._texts.update(
            labels.term_texts(self._connection, {term_id for term_id in ids if term_id not in self._texts})
        )

    def load_entries(self, entries: Iterable[int | None]) -> None:
        """Read these directory entries."""
        new_ids = sorted(
            {entry_id for entry_id in entries if entry_id is not None and entry_id not in self._entries}
        )
        shown_names = labels.entry_names(self._connection, new_ids)
        for entry_id, ident in store.idents(self._connection, new_ids).items():
            self._entries[entry_id] = DirectoryEntry(
                ident, shown_names[entry_id] or ident, self._gl_codes.get(entry_id)
            )

    def text(self, term_id: int | None) -> str | None:
        """The text of a loaded term."""
        return self._texts[term_id]

    def entry(self, entry_id: int | None) -> DirectoryEntry | None:
        """A loaded directory entry."""
        return None if entry_id is None else self._entries[entry_id]

    def dimensions(self, attribution_id: int) -> CallDimensions:
        """The dimensions that calls of the attribution name."""
        return self._named[attribution_id][0]

    def owners(self, attribution_id: int, day: int) -> tuple[OwnerShare, ...]:
        """The owners of the attribution's calls on a day of the reporting zone; the shares add up to 1."""
        assigned = tuple(
            owner for first, end, owner in self._assigned.get(attribution_id, ()) if first <= day < end
        )
        return assigned or (self._named[attribution_id][1],)

    def _read(self, ids: Sequence[int]) -> None:
        for row in store.attributions(self._connection, ids):
            dimensions = (
                row["virtual_key_id"],
                row["project_id"],
                row["environment_id"],
                row["application_id"],
            )
            owner = OwnerShare(row["team_id"], row["customer_id"])
            self._named[row["attribution_id"]] = (CallDimensions(*dimensions), owner)
        for row in store.owners(self._connection, ids):
            share = Fraction(row["parts"], row["whole"])
            owner = OwnerShare(row["team_id"], row["customer_id"], row["cost_center_id"], share)
            days = (row["first_day"], row["end_day"], owner)
            self._assigned.setdefault(row["attribution_id"], []).append(days)
        self.load_texts(term_id for attribution_id in ids for term_id in self._named[attribution_id][0][1:])
