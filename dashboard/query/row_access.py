"""Row-level access: the calls that the caller may see, as filters that are added to every question.

`dashboard.query.sql.filters` applies them to every statement about calls. `dashboard.query.run` adds them
before planning, because a filter on owners changes the plan.
"""

from collections.abc import Iterable

from dashboard.query.question import Filter
from ingest.model.principal import current_principal


def access_filters() -> tuple[Filter, ...]:
    """The filters that bind the caller; none for a caller who may see everything."""
    principal = current_principal()
    filters: list[Filter] = []
    if principal.teams is not None:
        filters.append(Filter("team", principal.teams))
    if principal.virtual_key is not None:
        filters.append(Filter("virtual_key", (principal.virtual_key,)))
    return tuple(filters)


def with_access_filters(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The filters of a question, and those that bind the caller, each once."""
    asked = tuple(filters)
    return (*asked, *(limit for limit in access_filters() if limit not in asked))
