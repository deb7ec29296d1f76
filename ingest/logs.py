"""Logging to standard error, so that standard output has only the result of a command."""

import sys
from typing import Any

import structlog

structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def logger(name: str) -> Any:
    """A structured logger. Events have a name and facts; never log the content of a call or a key."""
    return structlog.get_logger(name)
