"""The form of a request: what RFC 9110 and RFC 9112 ask of its headers, so that it has one meaning alone.

A request that a proxy and this server could understand differently is refused: of two `Host` headers the
proxy may look at one and the server at the other.
"""

import re
from collections import Counter
from typing import Final

from starlette.types import Scope

SINGLE: Final = frozenset(
    (
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"origin",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"x-bf-vk",
        b"x-tallybook-token",
    )
)
"""Headers of which a request has one at most."""
_HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d{0,5})?", re.ASCII
)
"""A host and its port, as RFC 3986 has them; empty where the target has no host."""


def malformation(scope: Scope) -> str | None:
    """What is wrong with the headers of a request; None for nothing."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    counts = Counter(name for name, _ in headers if name in SINGLE)
    if repeated := sorted(name.decode() for name, count in counts.items() if count > 1):
        return f"send {repeated[0].title()} once; this request has {counts[repeated[0].encode()]}"
    values = dict(headers)
    if b"host" not in values and scope.get("http_version") == "1.1":
        return "send a Host"
    if not _HOST.fullmatch(values.get(b"host", b"")):
        return "Host is a name or an address, and perhaps a port"
    length = values.get(b"content-length", b"0")
    if not (length.isascii() and length.isdigit()):
        return "Content-Length is a number"
    if b"content-length" in values and b"transfer-encoding" in values:
        return "send Content-Length or Transfer-Encoding, not both"
    return None
