"""Views of the price book: price lists, cost explanations, price variance, unpriced models."""
