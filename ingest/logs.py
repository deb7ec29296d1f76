"""Logs on standard error, so that standard output has only the result of a command.

A line is an event with a name and facts. It holds no content of a call, no header, no query, no key and no
token, and of an error its class and where it happened, never its message, which may quote them. What comes
from outside cannot begin a line of its own or steer a terminal. Lines of other libraries take the same form.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

import msgspec
import structlog

from ingest.model.visible import visible_name

_LONGEST: Final = 500
_FRAMES: Final = 8

Facts = MutableMapping[str, Any]


def logger(name: str) -> Any:
    """A structured logger. Events have a name and facts; never log the content of a call or a key."""
    return structlog.get_logger(name, logger_name=name)


def bound(**facts: str) -> AbstractContextManager[None]:
    """Add facts to every line of the block, also to lines from threads that it starts work in."""
    return structlog.contextvars.bound_contextvars(**facts)


def bound_fact(name: str) -> str | None:
    """A fact that `bound` adds to the lines here."""
    value = structlog.contextvars.get_contextvars().get(name)
    return None if value is None else str(value)


def place_of(error: BaseException) -> dict[str, object]:
    """The class of an error and the last lines of its traceback, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": type(error).__qualname__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def configure(form: str | None = None, level: str = "info") -> None:
    """Write the lines of this process in a form from now on; JSON where standard error is no terminal.

    `form` and `level` are those of the settings.

    Other libraries speak from `warning` on, because what they say may hold an address.
    """
    render = _renderer(form or ("console" if sys.stderr.isatty() else "json"))
    _configure(render, level)
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_first_line, *_facts(), structlog.stdlib.ExtraAdder(allow=())],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_safe(), render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_number(level), logging.WARNING))
    logging.captureWarnings(capture=True)


class _Lines:
    """Writes lines to standard error. A line that cannot be written is lost: a full disk fails no request."""

    def msg(self, line: str) -> None:
        """Write a line, if it can be written."""
        with suppress(OSError):
            structlog.WriteLogger(sys.stderr).msg(line)

    debug = info = warning = error = critical = msg


class _StandardError(logging.Handler):
    """Writes to what standard error is at the moment, as structlog does here."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            _Lines().msg(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def _configure(render: Any, level: str) -> None:
    structlog.configure(
        processors=[*_facts(), *_safe(), render],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=lambda *_: _Lines(),
    )


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _facts() -> list[Any]:
    """The steps that add the facts that every line has."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _safe() -> list[Any]:
    """The steps that take out what no line may hold."""
    return [_without_message, _visible]


def _renderer(form: str) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _json(facts: Facts, **_: object) -> str:
    ordered = {name: facts[name] for name in ("timestamp", "level", "event") if name in facts}
    return msgspec.json.encode(ordered | dict(facts)).decode()


def _without_message(_: object, method: str, facts: Facts) -> Facts:
    """The class and the place of an error, in place of its traceback and message."""
    shown = facts.pop("exc_info", None) or (method == "exception")
    if isinstance(shown, tuple):
        shown = shown[1]
    error = shown if isinstance(shown, BaseException) else sys.exc_info()[1] if shown else None
    return {**facts, **place_of(error)} if error is not None else facts


def _visible(_: object, __: str, facts: Facts) -> Facts:
    return {name: _shown(value) for name, value in facts.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return visible_name(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value if value is None or isinstance(value, int | float) else type(value).__qualname__


def _first_line(_: object, __: str, facts: Facts) -> Facts:
    """The first line of what a library says: the others may quote an error."""
    facts["event"] = str(facts["event"]).strip().partition("\n")[0]
    record: logging.LogRecord | None = facts.get("_record")
    if record is not None:
        facts["logger_name"] = record.name
    return facts


_configure(structlog.dev.ConsoleRenderer(colors=False), "info")
