"""Filters as conditions on a table that has the ledger's dimension columns.

Text becomes ids inside the statement, in its own snapshot. A text that the ledger does not know matches nothing.
"""

from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa

from dashboard.query import catalogue
from dashboard.query.question import Filter
from dashboard.query.row_access import limited
from ingest.ledger import dialects
from ingest.ledger.directory import entries
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import attribution, directory, directory_alias, term
from ingest.ledger.tables.ownership import owned
from ingest.model.principal import current_principal

Column = sa.ColumnElement[Any]

Owners = Literal["joined", "sought", "said"]
"""How to know who owns a call: `owned` is joined to the table; it is looked up (for events only, and a shared call is
then each owner's); or nobody has assigned anything, and it is as the gateway said."""


def term_id(text: str) -> sa.ScalarSelect[int]:
    """The id of a text, looked up in the statement."""
    return sa.select(term.c.term_id).where(term.c.text == text).scalar_subquery()


def has_assignments(connection: sa.Connection) -> bool:
    """Whether calls of the ledger have been assigned to owners."""
    return connection.execute(sa.select(owned.c.number).limit(1)).first() is not None


def teams_seen(connection: sa.Connection) -> frozenset[int] | None:
    """The directory entries of the only teams that the caller may see; None for all."""
    teams = current_principal().teams
    return None if teams is None else frozenset(entries(connection, "team", teams))


def restrictions(
    filters: Iterable[Filter], table: sa.Table, keyring: KeyRing, *, owners: Owners = "sought"
) -> list[Column]:
    """One condition per filter, and per limit of whoever asks. `owners` says how to know whose a call is: see `Owners`."""
    return [_restriction(one, table, keyring, owners=owners) for one in limited(filters)]


def _restriction(  # noqa: PLR0911 - one for each kind
    one: Filter, table: sa.Table, keyring: KeyRing, *, owners: Owners
) -> Column:
    key = one.dimension
    texts = [value for value in one.values if value is not None]
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "term":
            return _any_of(one, table.c[f"{key}_id"], _terms(texts))
        case "place":
            return _who(one, table, _any_of(one, attribution.c[f"{key}_id"], _terms(texts)))
        case "person":
            return _who(one, table, _any_of(one, attribution.c[f"{key}_id"], _people(key, texts, keyring)))
        case "owner":
            return _owner(one, table, _people(key, texts, keyring), owners=owners)
        case "flag":
            return _any_of(one, table.c[key], [text == "true" for text in texts])
        case "text":
            return _any_of(one, table.c[key], texts)
        case "label":
            return _any_of(
                one, dialects.label(table.c.labels, key.removeprefix(catalogue.LABEL_PREFIX)), texts
            )
        case _:
            raise LookupError(f"{key} is no filter")


def _any_of(one: Filter, column: Column, wanted: sa.Select[Any] | list[Any]) -> Column:
    held = column.in_(wanted)
    return sa.or_(held, column.is_(None)) if None in one.values else held


def _who(one: Filter, table: sa.Table, condition: Column) -> Column:
    """A condition on owners, as one on the table's attribution. A call without attribution has no owner."""
    owned = table.c.attribution_id.in_(sa.select(attribution.c.attribution_id).where(condition))
    return sa.or_(owned, table.c.attribution_id.is_(None)) if None in one.values else owned


def _owner(one: Filter, table: sa.Table, people: sa.Select[Any], *, owners: Owners) -> Column:
    """A condition on who owned a call on its day: what the assignments say, else what the gateway said.

    An attribution of which the assignments say anything is in `owned` with every day.
    """
    assigned = _any_of(one, owned.c[f"{one.dimension}_id"], people)
    said = _said(one, people)
    gateway = _who(one, table, said)
    if owners == "said":
        return gateway
    if owners == "joined":
        return sa.or_(
            sa.and_(owned.c.number.is_not(None), assigned), sa.and_(owned.c.number.is_(None), gateway)
        )
    unassigned = attribution.c.attribution_id.not_in(sa.select(owned.c.attribution_id))
    at = sa.type_coerce(table.c.occurred_at, sa.BigInteger)
    that_day = (
        (owned.c.attribution_id == table.c.attribution_id) & (owned.c.first_at <= at) & (owned.c.end_at > at)
    )
    return sa.or_(
        _who(one, table, sa.and_(said, unassigned)),
        sa.and_(
            table.c.attribution_id.in_(sa.select(owned.c.attribution_id).where(assigned)),
            sa.exists().where(that_day, assigned).correlate(table),
        ),
    )


def _said(one: Filter, people: sa.Select[Any]) -> Column:
    """What the gateway said of an owner; it knows no cost centres."""
    if one.dimension == "cost_center":
        return sa.true() if None in one.values else sa.false()
    return _any_of(one, attribution.c[f"{one.dimension}_id"], people)


def _terms(texts: list[str]) -> sa.Select[Any]:
    return sa.select(term.c.term_id).where(term.c.text.in_(texts))


def _people(kind: str, texts: list[str], keyring: KeyRing) -> sa.Select[Any]:
    """Directory entries known by one of the texts: the id or the key itself; else a name or a hint.

    What is somebody's id means nobody else, whatever they are called.
    """
    idents = [keyring.conceal(text).ident for text in texts] if kind == "virtual_key" else texts
    taken = sa.select(directory.c.ident).where(directory.c.kind == kind, directory.c.ident.in_(texts))
    known = [directory.c.ident.in_(idents)]
    if kind == "virtual_key":  # which alone are met under several idents
        alias = directory_alias.c
        tied = sa.select(alias.entry_id).where(alias.kind == kind, alias.ident.in_(idents))
        known.append(directory.c.entry_id.in_(tied))
    called = [
        sa.and_(column.in_(texts), column.not_in(taken))
        for column in (directory.c.given_name, directory.c.name, directory.c.hint)
    ]
    return sa.select(directory.c.entry_id).where(directory.c.kind == kind, sa.or_(*known, *called))
