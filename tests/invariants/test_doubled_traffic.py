"""`verify` warns where one traffic seems to come twice."""

import json

from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.verification import verify
from ingest.pricing.book import Book
from tests.support.ledgers import ARRIVAL, put_events, put_records
from tests.support.one_call import call

MINUTE = 60_000_000
EMBEDDING = json.dumps(
    {"object": "list", "data": [], "model": "text-embedding-3-large", "usage": {"prompt_tokens": 8}}
).encode()


def warnings(ledger: Ledger) -> list[str]:
    rollups.roll(ledger)
    return [finding.detail for finding in verify(ledger) if finding.level == "warning"]


def test_the_same_calls_from_two_sources(embedded: Ledger, book: Book) -> None:
    for source in ("otel", "litellm"):
        put_events(embedded, book, *(call(f"{source}-{n}", source=source) for n in range(3)))
    (warning,) = warnings(embedded)
    assert "litellm" in warning
    assert "otel" in warning
    assert "3 calls" in warning


def test_other_calls_of_a_second_source_are_no_warning(embedded: Ledger, book: Book) -> None:
    put_events(embedded, book, call("a", source="otel"))
    put_events(embedded, book, call("b", source="litellm", input_tokens=20, total_tokens=25))
    assert warnings(embedded) == []


def test_an_equal_post_without_an_id_a_few_seconds_later(embedded: Ledger, book: Book) -> None:
    for seconds in (0, 5):
        arrival = {"arrival": f"arrival:{seconds}", "received_at": ARRIVAL + seconds * 1_000_000}
        put_records(embedded, book, (EMBEDDING,), **arrival)
    (warning,) = warnings(embedded)
    assert warning.startswith("1 posted calls without an id")


def test_equal_calls_of_one_request_are_no_warning(embedded: Ledger, book: Book) -> None:
    put_records(embedded, book, (EMBEDDING, EMBEDDING), arrival="arrival:1")
    assert warnings(embedded) == []


def test_an_equal_post_an_hour_later_is_no_warning(embedded: Ledger, book: Book) -> None:
    for hours in (0, 1):
        arrival = {"arrival": f"arrival:{hours}", "received_at": ARRIVAL + hours * 60 * MINUTE}
        put_records(embedded, book, (EMBEDDING,), **arrival)
    assert warnings(embedded) == []
