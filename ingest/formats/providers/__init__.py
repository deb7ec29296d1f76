"""Bodies, streams and batches of single providers."""
