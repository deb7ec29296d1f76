import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.ledger.key_hashes import KeyRing, hint, secret_beside

KEY = "sk-bf-0123456789abcdef"


def test_a_key_is_known_by_a_keyed_hash_and_a_hint() -> None:
    concealed = KeyRing(b"one").conceal(KEY)
    assert KEY not in concealed.ident
    assert concealed.hint == "sk-bf-…cdef"


def test_another_secret_gives_another_hash() -> None:
    assert KeyRing(b"one").conceal(KEY).ident != KeyRing(b"two").conceal(KEY).ident


def test_a_gateways_own_sha256_of_a_key_finds_the_same_key() -> None:
    ring = KeyRing(b"one")
    assert ring.ident_of_digest(hashlib.sha256(KEY.encode()).hexdigest().upper()) == ring.conceal(KEY).ident


def test_an_id_is_no_secret_and_stays_as_it_is() -> None:
    assert KeyRing(b"one").conceal("vk-search-prod").ident == "vk-search-prod"


@pytest.mark.parametrize(("key", "shown"), [("sk-short", None), ("sk-1234567890123", "sk-…0123")])
def test_a_hint_is_kept_only_of_long_keys(key: str, shown: str | None) -> None:
    assert hint(key) == shown


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db.secret"
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: secret_beside(path), range(32)))
    assert len(secrets) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
