"""Files as batches: import, inspection, rejected records."""
