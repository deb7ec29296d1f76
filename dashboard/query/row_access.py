"""Limits: whose calls the caller may see, as filters that nothing that is asked goes without.

`dashboard.query.sql.filters` puts them on everything that is read of calls; `dashboard.query.run` before that, for who owns a call is planned for.
"""

from collections.abc import Iterable

from dashboard.query.question import Filter
from ingest.model.principal import current_principal


def limits() -> tuple[Filter, ...]:
    """The filters that bind whoever asks; none for somebody who sees everything."""
    principal = current_principal()
    found: list[Filter] = []
    if principal.teams is not None:
        found.append(Filter("team", principal.teams))
    if principal.virtual_key is not None:
        found.append(Filter("virtual_key", (principal.virtual_key,)))
    return tuple(found)


def limited(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The filters of a question, and the limits of whoever asks it."""
    asked = tuple(filters)
    return (*asked, *(one for one in limits() if one not in asked))
