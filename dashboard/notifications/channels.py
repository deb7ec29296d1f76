"""Channels: sending a message to a folder, a webhook, a Slack channel or a mail address.

A target is text: `folder:PATH`, `webhook:URL`, `slack:URL` or `smtp:ADDRESS`.

* A folder gets the file, written whole or not at all.
* A webhook gets a POST of the file, with an `Idempotency-Key` that is the same at every attempt and, if there
  is a secret, a signature of the body (`X-Tallybook-Signature: sha256=...`).
* A Slack channel, or a service that accepts the same posts, gets the text alone.
* A mail has a message id that is the same at every attempt.
"""

import hashlib
import hmac
import json
import os
import smtplib
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

import httpx

from ingest.model.invalid import Invalid
from ingest.settings import LOOPBACK, Settings

Kind = Literal["folder", "webhook", "slack", "smtp"]
_SECONDS: Final = 30
_LONGEST: Final = 2_000
_LABEL: Final = 63
_LAST_PORT: Final = 65_535
_LONGEST_SUBJECT: Final = 200


class NotSent(Exception):
    """A message did not arrive; the text of the error says why."""


class TargetRefused(Invalid):
    """The text is not a target; the text of the error says what to write."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_target", message, "to")


@dataclass(frozen=True, slots=True)
class Message:
    """A file, with the subject and text that go with it."""

    name: str
    body: bytes
    media_type: str
    subject: str
    text: str
    key: str
    """The idempotency key: the same whenever this file is sent to this target."""
    is_attached: bool = True
    """Whether the file is attached to a mail."""

    @property
    def heading(self) -> str:
        """The subject for a header: one line of printable characters, as names in it come from gateways."""
        printable = "".join(character if character.isprintable() else " " for character in self.subject)
        return " ".join(printable.split())[:_LONGEST_SUBJECT]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message is sent."""

    kind: Kind
    address: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"

    @property
    def shown(self) -> str:
        """The target without the path of a URL, which may be a secret."""
        if not self.is_web:
            return str(self)
        parts = urlsplit(self.address)
        return f"{self.kind}:{parts.scheme}://{parts.hostname}/..."

    @property
    def is_web(self) -> bool:
        """Whether messages are posted to a URL."""
        return self.kind in ("webhook", "slack")

    @property
    def is_idempotent(self) -> bool:
        """Whether sending the same message again does no harm."""
        return self.kind in ("folder", "webhook")


def target_of(text: str) -> Target:
    """The target of a text that `read_target` has accepted before."""
    kind, _, address = text.partition(":")
    return Target(cast("Kind", kind), address)


def read_target(text: str, settings: Settings) -> Target:
    """The target of a text.

    Raises:
        TargetRefused: the text is not a target, or a setting that it needs is missing.
    """
    kind, colon, address = text.strip().partition(":")
    if not colon or not address or len(text) > _LONGEST or not text.isprintable():
        raise TargetRefused(
            f"{text!r} is no target; write smtp:ADDRESS, webhook:URL, slack:URL or folder:PATH"
        )
    match kind:
        case "folder":
            try:
                return Target("folder", str(Path(address).expanduser().resolve()))
            except (RuntimeError, OSError, ValueError) as error:
                raise TargetRefused(f"{address!r} is no folder: {error}") from error
        case "webhook" | "slack":
            if not _is_web_address(address):
                raise TargetRefused(f"{address!r} is no web address; write {kind}:https://...")
            return Target(kind, address)
        case "smtp":
            if not _is_mail_address(address):
                raise TargetRefused(f"{address!r} is no mail address; write smtp:finance@example.com")
            if settings.smtp_url is None:
                raise TargetRefused("set TALLYBOOK_SMTP_URL to the server that mails go through")
            return Target("smtp", address)
    raise TargetRefused(f"{kind!r} is no kind of target; there are smtp, webhook, slack and folder")


def _is_web_address(text: str) -> bool:
    try:
        url = httpx.URL(text)
        is_port = url.port is None or 0 < url.port <= _LAST_PORT
        host = url.raw_host.decode().removesuffix(".")
        has_valid_labels = all(0 < len(label) <= _LABEL for label in host.split("."))
        is_name = bool(url.host) and "%" not in host and has_valid_labels
    except (ValueError, httpx.InvalidURL):
        return False
    return url.scheme in ("http", "https") and is_port and is_name


def _is_mail_address(text: str) -> bool:
    local, _, domain = text.partition("@")
    has_forbidden = any(character in text for character in ' ,;:<>()[]"\\')
    return bool(local and domain) and "@" not in domain and not has_forbidden


def send(target: Target, message: Message, settings: Settings) -> None:
    """Send a message.

    Raises:
        NotSent: the message did not arrive.
    """
    match target.kind:
        case "folder":
            _write(Path(target.address), message)
        case "webhook":
            _post(target.address, message.body, _headers(message, settings))
        case "slack":
            text = json.dumps({"text": _plain(f"*{message.heading}*\n{message.text}")}).encode()
            _post(target.address, text, {"Content-Type": "application/json"})
        case "smtp":
            _mail(target.address, message, settings)


def _plain(text: str) -> str:
    """Text without mentions and links, whatever names it has: `<!channel>` would notify the whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write(folder: Path, message: Message) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{message.name}.", delete=False) as file:
            file.write(message.body)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(folder / message.name)
    except OSError as error:
        raise NotSent(f"cannot write into {folder}: {error.strerror or error}") from error


def _headers(message: Message, settings: Settings) -> dict[str, str]:
    headers = {
        "Content-Type": message.media_type,
        "Content-Disposition": f'attachment; filename="{message.name}"',
        "Idempotency-Key": message.key,
        "X-Tallybook-Subject": message.heading.encode("ascii", "replace").decode(),
    }
    if settings.webhook_secret is not None:
        headers["X-Tallybook-Signature"] = signature(settings.webhook_secret.get_secret_value(), message.body)
    return headers


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        # The body of the response is not read: it may be endless.
        with httpx.stream("POST", url, content=body, headers=headers, timeout=_SECONDS) as answer:
            status, is_taken = answer.status_code, answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotSent(f"the webhook cannot be reached: {type(error).__name__}") from error
    if not is_taken:
        raise NotSent(f"the webhook answered {status}")


def signature(secret: str, body: bytes) -> str:
    """The signature that the receiver of a webhook checks: HMAC-SHA256 of the body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _mail(address: str, message: Message, settings: Settings) -> None:
    try:
        mail = _mail_message(address, message, settings)
        url = urlsplit(settings.smtp_url.get_secret_value() if settings.smtp_url else "")
        port = url.port
    except (ValueError, IndexError) as error:  # the standard library's IndexError for an invalid sender
        raise NotSent(
            "TALLYBOOK_SMTP_URL or TALLYBOOK_MAIL_FROM is not what mails can be sent with"
        ) from error
    try:
        with _connected(url.scheme, url.hostname or "localhost", port) as server:
            if url.username:
                if not isinstance(server.sock, ssl.SSLSocket) and url.hostname not in LOOPBACK:
                    raise NotSent(
                        "the mail server offers no encryption: user and password are not shown to it"
                    )
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(mail)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotSent(f"the mail server refused: {_reason(error)}") from error


def _mail_message(address: str, message: Message, settings: Settings) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = message.heading
    mail["From"] = settings.mail_from
    mail["To"] = address
    mail["Message-ID"] = f"<{message.key}@tallybook>"
    mail.set_content(message.text)
    if message.is_attached:
        maintype, _, subtype = message.media_type.partition(";")[0].partition("/")
        mail.add_attachment(message.body, maintype=maintype, subtype=subtype, filename=message.name)
    return mail


def _connected(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_SECONDS, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port or 587, timeout=_SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    return server


def _reason(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
