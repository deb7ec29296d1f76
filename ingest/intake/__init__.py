"""One path for records of every channel: decode, identify, price, store."""
