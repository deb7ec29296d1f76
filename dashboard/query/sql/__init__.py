"""The SQL of questions about calls."""
