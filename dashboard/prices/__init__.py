"""The price book as it is read: lists, explanations, variance, unpriced models."""
