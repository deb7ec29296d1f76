"""Sync: rows of a gateway's own store are read into the ledger, once or continuously, each counted once.

A `Store` reads pages of rows, oldest first, from SQLite, PostgreSQL or the gateway's log API. A `Gateway`
lists the tables with calls and the columns that may be read. `pull` makes one pass over a table, `follow`
repeated passes.
"""
