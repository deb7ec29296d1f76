"""How often a client may be wrong: counted by address, in bounded memory."""

from typing import Any

import pytest

from ingest.access.tries import MAX_ADDRESSES, MAX_TRIES, WINDOW_SECONDS, Tries, client_network


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def asked_from(address: str | None) -> dict[str, Any]:
    return {"client": (address, 1234) if address else None}


def wrong(tries: Tries, address: str | None, times: int = 1) -> list[bool]:
    """Whether each of so many wrong credentials is refused for being one too many."""
    return [tries.count(asked_from(address)) is not None for _ in range(times)]


def test_an_address_is_refused_until_its_first_try_is_long_ago() -> None:
    clock = Clock()
    tries = Tries(clock)
    assert not any(wrong(tries, "203.0.113.9"))
    clock.seconds += 100
    assert not any(wrong(tries, "203.0.113.9", MAX_TRIES - 1))
    refusal = tries.count(asked_from("203.0.113.9"))
    assert refusal is not None
    assert (refusal.status, dict(refusal.headers or {})) == (429, {"Retry-After": str(WINDOW_SECONDS - 100)})
    clock.seconds += WINDOW_SECONDS - 101
    assert wrong(tries, "203.0.113.9") == [True]
    clock.seconds += 1
    assert wrong(tries, "203.0.113.9", 2) == [False, True]


def test_another_address_is_not_refused() -> None:
    tries = Tries(Clock())
    wrong(tries, "203.0.113.9", MAX_TRIES)
    assert wrong(tries, "203.0.113.9") == [True]
    assert wrong(tries, "203.0.113.10") == [False]
    assert wrong(tries, None) == [False]


def test_a_client_cannot_change_its_address_within_its_ipv6_network() -> None:
    tries = Tries(Clock())
    assert not any(wrong(tries, f"2001:db8:1:2::{at:x}")[0] for at in range(MAX_TRIES))
    assert wrong(tries, "2001:db8:1:2:ffff::1") == [True]
    assert wrong(tries, "2001:db8:1:3::1") == [False]


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix socket", "unix socket"),
    ],
)
def test_an_address_counts_as_the_network_of_its_user(host: str, network: str) -> None:
    assert client_network(host) == network


def test_what_is_remembered_is_bounded() -> None:
    tries = Tries(Clock())
    for at in range(MAX_ADDRESSES + 500):
        wrong(tries, f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", 1 if at % 100 else MAX_TRIES + 5)
    assert tries.address_count == MAX_ADDRESSES
    assert wrong(tries, "10.0.0.0") == [False]  # it was silent longest, and is forgotten
