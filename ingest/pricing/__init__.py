"""Pricing: which price applies to a call, and what the call then costs. Pure: no database, no format."""
