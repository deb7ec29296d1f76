"""The page Requests, with the drawer of one call."""
