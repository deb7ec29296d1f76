"""What commands print: text from a ledger as it is."""

import pytest

from ingest.model.visible import visible, visible_name
from ingest.terminal import say, show, table, warn


def test_a_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "litellm:key:abc [red]model[/red] " + "x" * 200
    say(text)
    warn(text)
    assert capsys.readouterr() == (text + "\n", text + "\n")


HOSTILE = "\x1b]0;owned\x07\x9b2J\r\u202eteam\udcff\n"


def test_no_text_gives_the_terminal_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("team", HOSTILE)
    rows.add_row(HOSTILE, "[/nothing] [red]")
    show(rows, "nothing")
    say(HOSTILE)
    warn(HOSTILE)
    out, err = capsys.readouterr()
    for printed in (out, err):
        assert r"\x1b]0;owned\x07\x9b2J\x0d\u202eteam\xff" in printed
        assert visible(printed) == printed
    assert "[/nothing] [red]" in out


def test_a_name_is_in_one_line() -> None:
    assert visible_name("a\tb\nc") == r"a\tb\nc"
    assert visible_name("Žluťoučký 客户 👩‍💻 a\u00a0b") == "Žluťoučký 客户 👩‍💻 a\u00a0b"
