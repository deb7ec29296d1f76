"""Sending a file or a message to a target: a folder, a webhook, a channel, or somebody's mail.

A target is text: `folder:PATH`, `webhook:URL`, `slack:URL`, `smtp:ADDRESS`. A channel of Slack, or of what takes the same posts, gets the text alone. A folder gets the file whole or not at all. A webhook gets a POST of the file, with a key that stays
the same whenever it is tried again (`Idempotency-Key`) and a signature of the body where there is a secret (`X-Tallybook-Signature: sha256=...`).
A mail has a message id that stays the same.
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
    """A file that did not arrive; the message says why."""


class TargetRefused(Invalid):
    """A text that is no target; the message says what to write."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_target", message, "to")


@dataclass(frozen=True, slots=True)
class Message:
    """A file, and what is told of it."""

    name: str
    body: bytes
    media_type: str
    subject: str
    text: str
    key: str
    """The same for the same file to the same target, whenever it is sent."""
    is_attached: bool = True
    """Whether a mail carries the file beside the text."""

    @property
    def heading(self) -> str:
        """The subject as a header holds it: one line of what can be seen, for names in it are whatever a gateway sent."""
        seen = "".join(one if one.isprintable() else " " for one in self.subject)
        return " ".join(seen.split())[:_LONGEST_SUBJECT]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file goes."""

    kind: Kind
    address: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"

    @property
    def shown(self) -> str:
        """The target as it may be told: a webhook's path may be a secret."""
        if not self.is_web:
            return str(self)
        parts = urlsplit(self.address)
        return f"{self.kind}:{parts.scheme}://{parts.hostname}/..."

    @property
    def is_web(self) -> bool:
        """Whether it is posted to."""
        return self.kind in ("webhook", "slack")

    @property
    def knows_again(self) -> bool:
        """Whether it knows what it was sent before, so that sending it again does no harm."""
        return self.kind in ("folder", "webhook")


def target_of(text: str) -> Target:
    """A target that was read before."""
    kind, _, address = text.partition(":")
    return Target(cast("Kind", kind), address)


def read_target(text: str, settings: Settings) -> Target:
    """A target.

    Raises:
        TargetRefused: it is none, or what it needs is not set.
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
        is_name = (
            bool(url.host) and "%" not in host and all(0 < len(one) <= _LABEL for one in host.split("."))
        )
    except (ValueError, httpx.InvalidURL):
        return False
    return url.scheme in ("http", "https") and is_port and is_name


def _is_mail_address(text: str) -> bool:
    local, _, domain = text.partition("@")
    return bool(local and domain) and "@" not in domain and not any(one in text for one in ' ,;:<>()[]"\\')


def send(target: Target, parcel: Message, settings: Settings) -> None:
    """Send a file.

    Raises:
        NotSent: it did not arrive.
    """
    match target.kind:
        case "folder":
            _write(Path(target.address), parcel)
        case "webhook":
            _post(target.address, parcel.body, _headers(parcel, settings))
        case "slack":
            text = json.dumps({"text": _plain(f"*{parcel.heading}*\n{parcel.text}")}).encode()
            _post(target.address, text, {"Content-Type": "application/json"})
        case "smtp":
            _mail(target.address, parcel, settings)


def _plain(text: str) -> str:
    """Text in which a channel finds no mention and no link, whatever a team is called: `<!channel>` would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write(folder: Path, parcel: Message) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{parcel.name}.", delete=False) as file:
            file.write(parcel.body)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(folder / parcel.name)
    except OSError as error:
        raise NotSent(f"cannot write into {folder}: {error.strerror or error}") from error


def _headers(parcel: Message, settings: Settings) -> dict[str, str]:
    headers = {
        "Content-Type": parcel.media_type,
        "Content-Disposition": f'attachment; filename="{parcel.name}"',
        "Idempotency-Key": parcel.key,
        "X-Tallybook-Subject": parcel.heading.encode("ascii", "replace").decode(),
    }
    if settings.webhook_secret is not None:
        headers["X-Tallybook-Signature"] = signature(settings.webhook_secret.get_secret_value(), parcel.body)
    return headers


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    try:
        # What it answers is not read: a receiver may send without end.
        with httpx.stream("POST", url, content=body, headers=headers, timeout=_SECONDS) as answer:
            status, is_taken = answer.status_code, answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotSent(f"the webhook cannot be reached: {type(error).__name__}") from error
    if not is_taken:
        raise NotSent(f"the webhook answered {status}")


def signature(secret: str, body: bytes) -> str:
    """What a webhook's receiver checks: HMAC-SHA256 of the body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _mail(address: str, parcel: Message, settings: Settings) -> None:
    try:
        message = _message(address, parcel, settings)
        url = urlsplit(settings.smtp_url.get_secret_value() if settings.smtp_url else "")
        port = url.port
    except (
        ValueError,
        IndexError,
    ) as error:  # of the standard library's parser, by a sender that is no address
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
            server.send_message(message)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotSent(f"the mail server refused: {_reason(error)}") from error


def _message(address: str, parcel: Message, settings: Settings) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = parcel.heading
    message["From"] = settings.mail_from
    message["To"] = address
    message["Message-ID"] = f"<{parcel.key}@tallybook>"
    message.set_content(parcel.text)
    if parcel.is_attached:
        kind, _, form = parcel.media_type.partition(";")[0].partition("/")
        message.add_attachment(parcel.body, maintype=kind, subtype=form, filename=parcel.name)
    return message


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
