"""What a server needs before it serves other machines."""

from typing import Any, Final

import pytest
from pydantic import SecretStr

from dashboard.server import serve
from ingest.ledger.engine import LedgerError
from ingest.settings import LONG_TOKEN, Settings

OTHERS: Final = "0.0.0.0"
SECRET: Final = SecretStr("a secret key")
LONG: Final = SecretStr("x" * LONG_TOKEN)
SHORT: Final = SecretStr("correct horse")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "TALLYBOOK_ADMIN_TOKEN and TALLYBOOK_SECRET_KEY"),
        ({"admin_token": LONG}, "TALLYBOOK_SECRET_KEY"),
        ({"secret_key": SECRET}, "TALLYBOOK_ADMIN_TOKEN"),
    ],
)
def test_a_server_for_others_needs_a_token_and_a_secret(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(LedgerError, match=f"set {missing} first"):
        serve.require_safe(Settings(host=OTHERS, **given))


@pytest.mark.parametrize(
    ("host", "token", "is_warned"),
    [(OTHERS, SHORT, True), (OTHERS, LONG, False), ("127.0.0.1", SHORT, False), ("127.0.0.1", None, False)],
)
def test_a_short_admin_token_is_warned_of_and_not_shown(
    host: str, token: SecretStr | None, is_warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    serve.require_safe(Settings(host=host, admin_token=token, secret_key=SECRET))
    said = capsys.readouterr().err
    assert ("TALLYBOOK_ADMIN_TOKEN has fewer than 32 characters" in said) is is_warned
    assert SHORT.get_secret_value() not in said
