"""What the holder of a virtual key sees of its own use."""
