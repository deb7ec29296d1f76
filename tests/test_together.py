"""Several writers at once: nobody waits for ever, nothing counts twice, rollups end up true."""

import threading
from concurrent.futures import ThreadPoolExecutor

from conftest import ARRIVAL, put_events
from test_once import HOUR, call, totals

from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.verification import verify
from ingest.model.receipt import Receipt
from ingest.pricing.book import Book


def test_writers_that_send_the_same_records_at_once_count_them_once(ledger: Ledger, book: Book) -> None:
    events = [
        call(f"r-{n}", model=f"model-{n % 17}", virtual_key=f"vk-{n % 11}", occurred_at=ARRIVAL - n * HOUR)
        for n in range(120)
    ]

    def send(shift: int) -> Receipt:
        mine = events[shift:] + events[:shift]
        total = Receipt()
        for at in range(0, len(mine), 30):
            total.add(put_events(ledger, book, *mine[at : at + 30]))
        return total

    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(send, (0, 31, 62, 93)))
    assert sum(one.accepted for one in receipts) == 120
    assert sum(one.duplicates for one in receipts) == 3 * 120
    assert totals(ledger)[0] == 120


def test_rollups_made_while_others_write_end_up_true(ledger: Ledger, book: Book) -> None:
    done = threading.Event()

    def keep_summing() -> None:
        while not done.is_set():
            rollups.roll(ledger)

    def write(writer: int) -> None:
        for n in range(25):
            put_events(ledger, book, call(f"{writer}-{n}", occurred_at=ARRIVAL - n % 5 * HOUR))

    with ThreadPoolExecutor(4) as pool:
        summing = [pool.submit(keep_summing) for _ in range(2)]
        writing = [pool.submit(write, writer) for writer in range(2)]
        for one in writing:
            one.result()
        done.set()
        for one in summing:
            one.result()
    rollups.roll(ledger)
    assert totals(ledger)[0] == 50
    assert verify(ledger) == []
