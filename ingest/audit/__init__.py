"""The log of who changed what, as a command."""
