"""What commands print: text from a ledger as it is."""

import pytest

from ingest.terminal import say, warn


def test_a_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "litellm:key:abc [red]model[/red] " + "x" * 200
    say(text)
    warn(text)
    assert capsys.readouterr() == (text + "\n", text + "\n")
