"""Log lines: one for each event whatever is in it, in one form, and without what they must not hold."""

import contextvars
import errno
import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from ingest import logs

SECRET = "sk-of-somebody"


def break_off() -> None:
    raise RuntimeError(SECRET)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a server sets for its whole process is as it was after each test."""
    root = logging.getLogger()
    kept, level, before = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = kept
    root.setLevel(level)
    structlog.configure(**before)
    logging.captureWarnings(capture=False)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """The lines on standard error, each a JSON object."""
    logs.configure("json")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_a_time_a_level_and_its_facts(said: Any) -> None:
    logs.logger("tallybook.tests").info("ledger opened", calls=3, share=0.5, at=["a", "b"])
    (line,) = said()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "ledger opened",
        "logger_name": "tallybook.tests",
        "calls": 3,
        "share": 0.5,
        "at": ["a", "b"],
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_from_outside_begins_a_line_or_steers_a_terminal(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(form)
    hostile = 'a\n{"level":"info","event":"forged"}\r\x1b[2J\x9b\u2028\u202e'
    logs.logger("tallybook.tests").info("seen", name=hostile, names=[hostile])
    logging.getLogger("another.package").warning("Invalid %s", hostile)
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 2
    assert printed.replace("\n", "").isprintable()


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_is_told_by_its_class_and_place_and_never_by_its_message(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(form)
    own, library = logs.logger("tallybook.tests"), logging.getLogger("asyncio")
    try:
        break_off()
    except RuntimeError:
        own.exception("failed")
        own.error("failed", exc_info=True)
        library.exception("Task failed\nfuture: %s", SECRET)
    printed = capsys.readouterr().err
    assert SECRET not in printed
    assert printed.count("RuntimeError") == printed.count("break_off") == len(printed.splitlines()) == 3


def test_before_a_server_sets_a_form_errors_are_told_without_messages_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        break_off()
    except RuntimeError:
        logs.logger("tallybook.tests").exception("failed")
    assert SECRET not in capsys.readouterr().err


def test_what_is_no_plain_value_is_told_by_its_class(said: Any) -> None:
    class Key:
        def __repr__(self) -> str:
            return SECRET

    logs.logger("tallybook.tests").info("seen", key=Key(), keys=[Key()])
    (line,) = said()
    assert (line["key"][-3:], SECRET in str(line)) == ("Key", False)


def test_long_texts_are_cut(said: Any) -> None:
    logs.logger("tallybook.tests").info("seen", name="x" * 100_000)
    assert len(said()[0]["name"]) < 600


def test_facts_of_a_block_are_in_lines_from_its_threads_and_no_others(said: Any) -> None:
    log = logs.logger("tallybook.tests")
    with logs.bound(request_id="r-1"):
        context = contextvars.copy_context()
        worker = threading.Thread(target=lambda: context.run(log.info, "worked"))
        worker.start()
        worker.join()
        logging.getLogger("library").warning("spoke")
    log.info("after")
    assert [line.get("request_id") for line in said()] == ["r-1", "r-1", None]


def test_lines_below_the_level_and_chatter_of_libraries_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("json", "warning")
    log = logs.logger("tallybook.tests")
    for speak in (log.debug, log.info, log.warning, logging.getLogger("httpx").info):
        speak("spoke")
    logs.configure("json", "debug")
    log.debug("spoke")
    logging.getLogger("httpx").info("GET https://hooks.example/secret-path")
    levels = [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()]
    assert levels == ["warning", "debug"]


def test_warnings_of_libraries_are_lines(said: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logs.configure("json")
        warnings.warn("deprecated", stacklevel=1)
    assert [line["level"] for line in said()] == ["warning"]


def test_where_standard_error_is_no_terminal_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.logger("tallybook.tests").info("seen")
    assert json.loads(capsys.readouterr().err)["event"] == "seen"


class FullDisk(io.StringIO):
    """A file on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")


def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", FullDisk())
    logs.configure("json")
    logs.logger("tallybook.test").warning("no room")
    logging.getLogger("of a library").warning("no room")
