"""The last runs that priced calls again."""

from ingest.ledger import reprice_runs
from ingest.ledger.engine import Ledger
from ingest.ledger.reprice_runs import Run


def last(ledger: Ledger, limit: int) -> list[Run]:
    """The last runs, the newest first."""
    with ledger.reading() as connection:
        return reprice_runs.runs(connection, limit)
