"""Single calls: listed, and each with all that is known of it."""
