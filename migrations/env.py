"""Alembic's environment: runs on the connection that `ingest.ledger.schema` hands over."""

from importlib import import_module
from pkgutil import walk_packages

from alembic import context

from ingest import ledger
from ingest.ledger.tables.calls import metadata

for module in walk_packages(ledger.__path__, f"{ledger.__name__}."):
    import_module(module.name)  # the tables that it declares are part of the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
