"""The usage and budgets of the caller's own virtual key."""
