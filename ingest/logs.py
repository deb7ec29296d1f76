"""Logs go to standard error, so that what a command prints is its answer and nothing else."""

import sys
from typing import Any

import structlog

structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def logger(name: str) -> Any:
    """A logger; what it says has a name and facts, never content or keys."""
    return structlog.get_logger(name)
