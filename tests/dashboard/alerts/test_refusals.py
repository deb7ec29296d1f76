"""What alerts and their targets do with names, addresses and receivers that nobody would want."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from dashboard.alerts import store as alerts
from dashboard.alerts.model import AlertRule
from dashboard.alerts.notify import check, send_due_messages
from dashboard.notifications.channels import Message, NotSent, Target, TargetRefused, read_target, send
from dashboard.notifications.outbox import CLAIM
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command
from tests.support.receivers import Mailbox, mail_server

UNIT = 10**12
NOW = micros(datetime(2026, 10, 20, tzinfo=UTC))
EVIL = "ops\r\nBcc: all@example.com <!channel> & <https://evil.example|here>"
PLAIN = Settings(smtp_url=SecretStr("smtp://127.0.0.1"))
PARCEL = Message("a.json", b"{}", "application/json", EVIL, f"about {EVIL}\n", "key", is_attached=False)

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def receiver(answer: Answer) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A web server that keeps what is posted, and answers as it is told to."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        try:
            handler.wfile.write(b"x" * 65_536)
        except OSError:
            return


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\0\0not http\r\n\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "webhook:http://[x",
        "webhook:http://host:99999/",
        "webhook:http://127.0.0.1:0/",
        "webhook:http://exa mple/",
        "webhook:http:///x",
        "webhook:http://.example/",
        f"slack:https://{'a' * 64}.example/",
        "webhook:http://xn--/",
        "smtp:@",
        "smtp:a@",
        "smtp:@b",
        'smtp:"a"@b',
        "smtp:a@b\nBcc: c@d",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(TargetRefused) as refused:
        read_target(text, PLAIN)
    assert (refused.value.code, refused.value.field) == ("invalid_target", "to")


@pytest.mark.parametrize(
    "text", ["webhook:http://[::1]:80/x", "webhook:https://ü.example/", "smtp:o'neil@x.ie"]
)
def test_an_unusual_address_is_none_the_less_one(text: str) -> None:
    assert str(read_target(text, PLAIN)) == text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(302, Location="http://127.0.0.1:1/"), "answered 302"),
        (status(500), "answered 500"),
        (garbage, "cannot be reached: RemoteProtocolError"),
    ],
)
def test_only_a_receiver_that_takes_it_has_it(answer: Answer, said: str) -> None:
    with receiver(answer) as (url, _), pytest.raises(NotSent, match=said):
        send(Target("webhook", url), PARCEL, PLAIN)


def test_an_answer_without_end_is_not_waited_for() -> None:
    with receiver(endless) as (url, got):
        send(Target("webhook", url), PARCEL, PLAIN)
    assert len(got) == 1


def test_a_name_puts_no_line_into_the_header_of_a_post() -> None:
    with receiver(status(204)) as (url, got):
        send(Target("webhook", url), PARCEL, PLAIN)
    ((headers, _),) = got
    assert headers["x-tallybook-subject"].startswith("ops Bcc: all@example.com")
    assert "bcc" not in headers


def test_a_name_calls_nobody_in_a_channel() -> None:
    with receiver(status(200)) as (url, got):
        send(Target("slack", url), PARCEL, PLAIN)
    text = json.loads(got[0][1])["text"]
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;" in text
    assert not set("<>") & set(text)


def test_a_name_puts_no_line_into_the_head_of_a_mail(mailbox: Mailbox) -> None:
    settings, got = mailbox
    send(Target("smtp", "finance@example.com"), PARCEL, settings)
    (mail,) = got
    assert mail["subject"].startswith("ops Bcc: all@example.com")
    assert mail["bcc"] is None


def test_a_password_is_shown_to_no_mail_server_elsewhere_in_the_clear() -> None:
    with (
        mail_server("127.0.0.2", "ann:secret@") as (settings, got),
        pytest.raises(NotSent, match="offers no encryption"),
    ):
        send(Target("smtp", "finance@example.com"), PARCEL, settings)
    assert got == []


@pytest.mark.parametrize(
    "settings",
    [
        Settings(smtp_url=SecretStr("smtp://127.0.0.1:port")),
        Settings(smtp_url=SecretStr("smtp://127.0.0.1:1"), mail_from="books@"),
        Settings(smtp_url=SecretStr("smtp://127.0.0.1:1"), mail_from="a@b\nBcc: c@d"),
    ],
)
def test_settings_that_no_mail_can_be_sent_with_are_named(settings: Settings) -> None:
    with pytest.raises(NotSent, match="TALLYBOOK_SMTP_URL or TALLYBOOK_MAIL_FROM"):
        send(Target("smtp", "finance@example.com"), PARCEL, settings)


def test_what_a_gateway_calls_a_model_holds_up_no_message(embedded: Ledger, mailbox: Mailbox) -> None:
    """A day of a model with a line break in its name is told like any other."""
    days = [
        call(f"2026-{9 + at // 30:02}-{at % 30 + 1:02}T10:00:00Z", 100 * UNIT, model=EVIL) for at in range(48)
    ]
    put(embedded, [*days, call("2026-10-19T10:00:00Z", 5_000 * UNIT, model=EVIL)])
    settings, mails = mailbox
    with receiver(status(204)) as (url, got):
        targets = (f"webhook:{url}", f"slack:{url}", "smtp:finance@example.com")
        with embedded.writing() as connection:
            alerts.add_rule(
                connection, AlertRule(name="models", kind="anomaly", each="model", targets=targets)
            )
        assert len(check(embedded, NOW)) == 1
        send_due_messages(embedded, settings, NOW)
    with embedded.reading() as connection:
        assert [one.status for one in alerts.read_messages(connection)] == ["sent"] * 3
    assert (len(got), len(mails)) == (2, 1)


def test_a_message_that_waited_for_slow_ones_is_claimed_from_then_on(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a claim would be over while it is sent, and another server would send it as well."""
    put(embedded, [call("2026-10-19T10:00:00Z", None)])
    with receiver(status(204)) as (url, _), embedded.writing() as connection:
        targets = tuple(f"webhook:{url}/{at}" for at in range(2))
        alerts.add_rule(connection, AlertRule(name="price", kind="unpriced", targets=targets))
    check(embedded, NOW)
    ends: list[int] = []

    def slowly(*_: object) -> None:
        with embedded.reading() as connection:
            ends.extend(one.due_at for one in alerts.read_messages(connection) if one.status == "sending")
        waited.append(2 * CLAIM)

    waited: list[int] = []
    monkeypatch.setattr("dashboard.notifications.dispatch.send", slowly)
    monkeypatch.setattr("dashboard.notifications.outbox.time.monotonic_ns", lambda: 1_000 * sum(waited))
    assert len(send_due_messages(embedded, PLAIN, NOW)) == 2
    assert ends == [NOW + CLAIM, NOW + 3 * CLAIM]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--when", "unpriced", "--above", "NaN"), "is no number"),
        (("--when", "unpriced", "--above", "1,5"), "is no number"),
        (("--when", "unpriced", "--above", "1e99"), "is no number"),
        (("--when", "unpriced", "--above", "-1"), "nothing that can be passed"),
        (("--when", "unpriced", "--above", "101%"), "0% to 100%"),
        (("--when", "silent", "--after", "0"), "not between 1 and"),
        (("--when", "anomaly", "--model", ""), "'' is no model"),
        (("--when", "unpriced", "--to", "webhook:http://[x"), "no web address"),
    ],
)
def test_what_is_no_rule_is_refused(tallybook: Command, words: tuple[str, ...], said: str) -> None:
    refused = tallybook("alert", "add", "rule", *words)
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
