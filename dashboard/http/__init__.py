"""The parameters and responses that the routers of the read side share."""
