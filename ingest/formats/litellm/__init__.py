"""LiteLLM's payloads, spend logs and batch lines."""
