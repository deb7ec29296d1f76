"""One Alembic history for every database. `tallybook migrate` runs it; an embedded ledger is migrated by itself."""
