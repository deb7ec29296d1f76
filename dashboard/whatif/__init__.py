"""What the same calls would have cost with another model or price."""
