"""The path of records of every channel: decode, price, identify, store."""
