"""Names, and who owns what, as they are read."""
