"""Filters as SQL conditions on a table with the ledger's dimension columns.

Texts are resolved to ids within the statement, in its snapshot. A text that the ledger does not know matches
nothing.
"""

from collections.abc import Iterable
from typing import Any, Literal

import sqlalchemy as sa

from dashboard.query import catalogue
from dashboard.query.question import Filter
from dashboard.query.row_access import with_access_filters
from ingest.ledger import dialects
from ingest.ledger.directory import entries
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import attribution, directory, directory_alias, term
from ingest.ledger.tables.ownership import owned
from ingest.model.principal import current_principal

Column = sa.ColumnElement[Any]

OwnerLookup = Literal["joined", "looked_up", "gateway"]
"""Where a filter finds the owners of a call. `joined`: in `owned`, which the statement joins to the table.
`looked_up`: in `owned`, by a subquery (only for events; a shared call then matches each of its owners).
`gateway`: in the attribution that the gateway sent, for a ledger without assignments."""


def term_id(text: str) -> sa.ScalarSelect[int]:
    """The id of a text, as a subquery."""
    return sa.select(term.c.term_id).where(term.c.text == text).scalar_subquery()


def has_assignments(connection: sa.Connection) -> bool:
    """Whether any calls of the ledger are assigned to owners."""
    return connection.execute(sa.select(owned.c.number).limit(1)).first() is not None


def visible_teams(connection: sa.Connection) -> frozenset[int] | None:
    """The directory entries of the teams that the caller may see; None if the caller may see all."""
    teams = current_principal().teams
    return None if teams is None else frozenset(entries(connection, "team", teams))


def restrictions(
    filters: Iterable[Filter], table: sa.Table, keyring: KeyRing, *, owners: OwnerLookup = "looked_up"
) -> list[Column]:
    """A condition for each filter, and for each limit of the caller (`dashboard.query.row_access`)."""
    return [_restriction(filter_, table, keyring, owners=owners) for filter_ in with_access_filters(filters)]


def _restriction(  # noqa: PLR0911 - a case for each kind
    filter_: Filter, table: sa.Table, keyring: KeyRing, *, owners: OwnerLookup
) -> Column:
    key = filter_.dimension
    texts = [value for value in filter_.values if value is not None]
    match catalogue.kind_of(key):
        case "term" | "event_term":
            return _has_value(filter_, table.c[f"{key}_id"], _term_ids(texts))
        case "codes":
            return _has_value(filter_, table.c[catalogue.column_of(key)], _terms_with_codes(texts))
        case "place":
            condition = _has_value(filter_, attribution.c[f"{key}_id"], _term_ids(texts))
            return _has_attribution(filter_, table, condition)
        case "person":
            condition = _has_value(filter_, attribution.c[f"{key}_id"], _entry_ids(key, texts, keyring))
            return _has_attribution(filter_, table, condition)
        case "owner":
            return _has_owner(filter_, table, _entry_ids(key, texts, keyring), owners=owners)
        case "flag":
            return _has_value(filter_, table.c[key], [text == "true" for text in texts])
        case "text":
            return _has_value(filter_, table.c[key], texts)
        case "label":
            label = dialects.label(table.c.labels, key.removeprefix(catalogue.LABEL_PREFIX))
            return _has_value(filter_, label, texts)
        case _:
            raise LookupError(f"{key} is no filter")


def _has_value(filter_: Filter, column: Column, values: sa.Select[Any] | list[Any]) -> Column:
    """Whether a column has a value that the filter accepts."""
    is_listed = column.in_(values)
    return sa.or_(is_listed, column.is_(None)) if None in filter_.values else is_listed


def _has_attribution(filter_: Filter, table: sa.Table, condition: Column) -> Column:
    """Whether a row's attribution meets a condition; None in the filter accepts rows without attribution."""
    is_met = table.c.attribution_id.in_(sa.select(attribution.c.attribution_id).where(condition))
    return sa.or_(is_met, table.c.attribution_id.is_(None)) if None in filter_.values else is_met


def _has_owner(filter_: Filter, table: sa.Table, entry_ids: sa.Select[Any], *, owners: OwnerLookup) -> Column:
    """Whether the owner of a call on its day is accepted: the owner by assignment, else the gateway's.

    `owned` has either no row of an attribution, or rows for every day.
    """
    is_assigned = _has_value(filter_, owned.c[f"{filter_.dimension}_id"], entry_ids)
    is_named = _is_named_by_gateway(filter_, entry_ids)
    by_gateway = _has_attribution(filter_, table, is_named)
    if owners == "gateway":
        return by_gateway
    if owners == "joined":
        return sa.or_(
            sa.and_(owned.c.number.is_not(None), is_assigned), sa.and_(owned.c.number.is_(None), by_gateway)
        )
    is_unassigned = attribution.c.attribution_id.not_in(sa.select(owned.c.attribution_id))
    at = sa.type_coerce(table.c.occurred_at, sa.BigInteger)
    is_that_day = (
        (owned.c.attribution_id == table.c.attribution_id) & (owned.c.first_at <= at) & (owned.c.end_at > at)
    )
    return sa.or_(
        _has_attribution(filter_, table, sa.and_(is_named, is_unassigned)),
        sa.and_(
            table.c.attribution_id.in_(sa.select(owned.c.attribution_id).where(is_assigned)),
            sa.exists().where(is_that_day, is_assigned).correlate(table),
        ),
    )


def _is_named_by_gateway(filter_: Filter, entry_ids: sa.Select[Any]) -> Column:
    """Whether the gateway named an accepted owner. Gateways name no cost centres."""
    if filter_.dimension == "cost_center":
        return sa.true() if None in filter_.values else sa.false()
    return _has_value(filter_, attribution.c[f"{filter_.dimension}_id"], entry_ids)


def _term_ids(texts: list[str]) -> sa.Select[Any]:
    return sa.select(term.c.term_id).where(term.c.text.in_(texts))


def _terms_with_codes(codes: list[str]) -> sa.Select[Any]:
    """The texts that name one of the codes, between commas."""
    listed = sa.literal(",") + term.c.text + ","
    return sa.select(term.c.term_id).where(
        sa.or_(sa.false(), *(listed.contains(f",{code},", autoescape=True) for code in codes))
    )


def _entry_ids(kind: str, texts: list[str], keyring: KeyRing) -> sa.Select[Any]:
    """The directory entries that have one of the texts as their id or key, or else as a name or hint.

    A text that is the id of an entry matches no names or hints of other entries.
    """
    idents = [keyring.conceal(text).ident for text in texts] if kind == "virtual_key" else texts
    taken = sa.select(directory.c.ident).where(directory.c.kind == kind, directory.c.ident.in_(texts))
    by_ident = [directory.c.ident.in_(idents)]
    if kind == "virtual_key":  # only virtual keys have aliases
        alias = directory_alias.c
        aliased = sa.select(alias.entry_id).where(alias.kind == kind, alias.ident.in_(idents))
        by_ident.append(directory.c.entry_id.in_(aliased))
    by_name = [
        sa.and_(column.in_(texts), column.not_in(taken))
        for column in (directory.c.given_name, directory.c.name, directory.c.hint)
    ]
    return sa.select(directory.c.entry_id).where(directory.c.kind == kind, sa.or_(*by_ident, *by_name))
