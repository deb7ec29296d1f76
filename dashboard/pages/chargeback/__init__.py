"""The page Chargeback."""
