"""Bifrost's log rows."""
