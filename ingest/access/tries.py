"""Wrong credentials by client address. They slow down a client that guesses, and no other request.

A right credential is recognised before anything is looked up here, so no number of wrong credentials of
other clients behind the same address shuts it out.
"""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from starlette.types import Scope

from ingest.http.problems import Problem

MAX_TRIES: Final = 20
"""Wrong credentials from an address in the window, after which the answer to a wrong one is 429."""
WINDOW_SECONDS: Final = 300
MAX_ADDRESSES: Final = 4_096
"""Addresses that are counted; beyond them the one that was silent longest is forgotten."""
_IPV6_CLIENT_BITS: Final = 64
"""Bits of an IPv6 address that its user does not choose: a client usually has a network of 2^64 addresses."""


class Tries:
    """Counts wrong credentials by client address, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    @property
    def address_count(self) -> int:
        """How many addresses are counted."""
        return len(self._times)

    def count(self, scope: Scope) -> Problem | None:
        """Count a wrong credential of the client; the refusal if there have been too many, else None."""
        client = scope.get("client")
        address = client_network(client[0]) if client else "unknown"
        now = self._clock()
        times = self._times.pop(address, None) or deque(maxlen=MAX_TRIES)
        self._times[address] = times
        if len(self._times) > MAX_ADDRESSES:
            self._times.popitem(last=False)
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        if len(times) == MAX_TRIES:
            return _too_many(math.ceil(times[0] + WINDOW_SECONDS - now))
        times.append(now)
        return None


def client_network(host: str) -> str:
    """The address of a client without the part that it can choose: IPv6 counts as a network of 64 bits."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_CLIENT_BITS), strict=False))


def _too_many(seconds: int) -> Problem:
    minutes = math.ceil(seconds / 60)
    detail = (
        f"too many wrong tokens from this address; a right one still works, "
        f"a wrong one is looked at again in {minutes} minute{'' if minutes == 1 else 's'}"
    )
    headers = {"Retry-After": str(seconds)}
    return Problem(429, "too_many_tries", "Too many wrong tokens", detail, headers=headers)
