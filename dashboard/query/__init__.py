"""A question about usage and its answer."""
