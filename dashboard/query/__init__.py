"""Query: a question about usage, how it is planned and run, and its answer."""
