"""Numbers, money and dates for people, in their language."""
