"""The only SQL over usage."""
