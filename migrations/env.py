"""Alembic's environment: runs on the connection that `ingest.ledger.schema` hands over."""

from alembic import context

from ingest.ledger import (  # noqa: F401 - their tables are part of the metadata
    access_tables,
    alert_tables,
    audit,
    money_tables,
    ownership_tables,
    period_tables,
    price_tables,
)
from ingest.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
