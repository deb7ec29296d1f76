"""Single calls: the list of calls, and each call with all its fields."""
