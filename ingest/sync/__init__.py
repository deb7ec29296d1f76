"""Sync: rows of a gateway's own store come into the ledger and go on coming, each counted once.

A `Store` reads pages of rows, oldest first, from SQLite, PostgreSQL or the gateway's log API; a `Gateway` says which
tables hold calls and which columns may be read of them; `pull` takes one pass over a table, `follow` one after another.
"""
