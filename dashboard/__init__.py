"""The read side of Tallybook: everything that asks about stored calls, or acts on the answer.

`ingest` ends when a call is priced, attributed and stored.
"""
