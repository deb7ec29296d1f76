"""Exchange rates: what they are, where they are kept, how they come in."""
