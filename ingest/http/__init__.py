"""The HTTP interface of the write side. Authentication is done before it, by `ingest.access.guard`."""
