"""What-if: what the same calls would have cost with another model, provider, tier or price."""
