"""The command that shows the audit log: who changed what."""
