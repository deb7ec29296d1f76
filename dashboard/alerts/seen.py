"""Whose alerts are seen: whoever sees some teams alone sees what fired about these, and nothing of everybody."""

import sqlalchemy as sa

from dashboard.limits import teams_seen
from ingest.ledger import alerts
from ingest.ledger.alerts import Alert
from ingest.ledger.engine import Ledger
from ingest.principal import asking

_LOOKED_THROUGH = 10_000


def seen_alerts(ledger: Ledger, *, is_open: bool | None = None, most: int = 200) -> list[Alert]:
    """What fired, the latest first, as far as whoever asks may see it."""
    with ledger.reading() as connection:
        if asking().sees_all:
            return alerts.alerts(connection, is_open=is_open, most=most)
        found = alerts.alerts(connection, is_open=is_open, most=_LOOKED_THROUGH)
        return _of_teams(connection, found)[:most]


def _of_teams(connection: sa.Connection, found: list[Alert]) -> list[Alert]:
    teams = {str(one) for one in teams_seen(connection) or ()}
    return [one for one in found if one.scope == "team" and one.subject in teams]
