"""Backups: whole copies of a ledger while calls arrive, their verification, and the way back."""
