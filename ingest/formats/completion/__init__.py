"""The completion response, and what the other formats share with it."""
