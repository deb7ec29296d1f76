"""Messages go out: an outbox, channels, and the thread that sends."""
