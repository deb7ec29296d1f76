"""The Alembic history of every database. `tallybook migrate` runs it; embedded ledgers migrate themselves."""
