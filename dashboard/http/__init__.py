"""What the routers of the read side share."""
