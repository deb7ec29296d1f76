"""Sending messages and files: the outbox, the channels, and the thread that sends."""
