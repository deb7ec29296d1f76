"""Invoices recorded and variances accepted by command and on the page.

One audit shape, and refusals that name their field.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.chargeback.callbacks import accept_variance
from dashboard.query.calendar import Month
from dashboard.reconciliation.compare import reconcile
from dashboard.reconciliation.invoices.line import Document, InvoiceLine, current_lines, new_lines
from dashboard.reconciliation.invoices.parser import (
    NotAnInvoice,
    ParsedInvoice,
    RejectedLine,
    parse_invoice,
)
from dashboard.reconciliation.invoices.store import add_lines
from dashboard.reconciliation.service import (
    AcceptRefused,
    AcceptVarianceOptions,
    accept_variances,
    record_invoice,
)
from ingest.ledger import audit, periods
from ingest.ledger.engine import Ledger
from tests.support.acme import acme_call, acme_month
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.owners import entry

UNIT = 10**12
OCTOBER = Month(2026, 10)


def invoice(folder: Path, *rows: str) -> ParsedInvoice:
    path = folder / "invoice.csv"
    path.write_text("\n".join(("provider,month,amount", *rows)) + "\n")
    return parse_invoice(path)


def billed(ledger: Ledger, folder: Path, *rows: str) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100 * UNIT, provider="acme")])
    record_invoice(ledger, invoice(folder, *rows), "invoice.csv", by="ann", at=1)


def test_an_invoice_is_audited_by_its_files_name_and_only_where_it_says_something_new(
    ledger: Ledger, tmp_path: Path
) -> None:
    costs = invoice(tmp_path, "acme,2026-10,102", "other,2026-10,3")
    assert record_invoice(ledger, costs, "/some/where/costs.csv", by="ann", at=1).new == 2
    assert record_invoice(ledger, costs, "/some/where/costs.csv", by="bob", at=2).new == 0
    with ledger.reading() as connection:
        (told,) = audit.entries(connection)
    assert (told.at, told.by, told.action, told.subject) == (1, "ann", "invoice import", "costs.csv")
    assert told.detail == {"lines": 2, "amounts": {"USD": "105"}}


HUGE = "1e999999999999999999999"
BUCKET = '{"start_time":%s,"end_time":1790086400,"results":[{"amount":{"value":%s,"currency":"usd"},"line_item":%s}]}'
GOOD = BUCKET % (1790000000, 7, '"half a \\ud800 and \\u0000"')


@pytest.mark.parametrize(
    ("bucket", "field"),
    [
        (BUCKET % (1790000000, HUGE, '"x"'), "amount.value"),
        (BUCKET % (1790000000, "NaN", '"x"'), "amount.value"),
        (BUCKET % ("1e999999999", 5, '"x"'), "start_time"),
        (BUCKET % ("Infinity", 5, '"x"'), "start_time"),
        ('{"results":7}', "start_time"),
        ("7", "data"),
    ],
)
def test_an_odd_line_of_an_invoice_costs_no_other_line(
    embedded: Ledger, tmp_path: Path, bucket: str, field: str
) -> None:
    path = tmp_path / "costs.json"
    path.write_text(f'{{"data":[{GOOD},{bucket}]}}')
    parsed = parse_invoice(path)
    assert [(one.line, one.field) for one in parsed.problems] == [(2, field)]
    assert record_invoice(embedded, parsed, "costs.json", by="ann", at=1).new == 1


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b'{"data":5}',
        b"[]",
        b"{",
        b"\xff\xfe{",
        b"\0\0",
        b'[{"date":1}]',
        b"",
    ],
    ids=lambda data: repr(data[:10]),
)
def test_what_is_no_invoice_is_refused_with_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "costs.json"
    path.write_bytes(data)
    with pytest.raises(NotAnInvoice, match=r"costs\.json"):
        parse_invoice(path)


def test_an_invoice_with_faults_does_not_take_the_place_of_what_is_known(
    ledger: Ledger, tmp_path: Path
) -> None:
    record_invoice(ledger, invoice(tmp_path, "acme,2026-10,102"), "a", by="ann", at=1)
    faulty = ParsedInvoice(
        "table", invoice(tmp_path, "acme,2026-10,60").lines, (RejectedLine(3, "amount", "x", "no"),)
    )
    assert record_invoice(ledger, faulty, "b", by="ann", at=2).new == 0


def test_a_variance_is_booked_by_who_accepts_it(ledger: Ledger, tmp_path: Path) -> None:
    billed(ledger, tmp_path, "acme,2026-10,102")
    lab = entry(ledger, "team", "lab")
    options = AcceptVarianceOptions(month=OCTOBER, reason=" keys of\nthe lab ", team="lab")
    (adjustment,) = accept_variances(ledger, options, by="ann", at=5)
    with ledger.reading() as connection:
        (kept,) = periods.adjustments(connection)
    assert (kept.amount, kept.provider, kept.period) == (2 * UNIT, "acme", "2026-10")
    assert (kept.owner.team_id, kept.reason, kept.recorded_by) == (lab, "keys of the lab", "ann")
    assert adjustment.amount == kept.amount


def test_the_page_and_the_command_are_audited_alike(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    billed(embedded, tmp_path, "acme,2026-10,102", "acme,2026-11,3")
    words = ("reconcile", "--accept", "agreed", "--provider", "acme", "--period")
    assert tallybook(*words, "2026-10").exit_code == 0
    assert accept_variance(embedded, "2026-11", "acme", "agreed") is None
    with embedded.reading() as connection:
        page, command = audit.entries(connection, action="reconcile")
    assert command.detail == {"amount": "2 USD", "about": "2026-10", "period": "2026-10", "reason": "agreed"}
    assert page.detail == {"amount": "3 USD", "about": "2026-11", "period": "2026-11", "reason": "agreed"}
    assert (page.subject, command.subject, page.by) == ("acme", "acme", "dashboard")


@pytest.mark.parametrize(
    ("reason", "team", "code", "field"),
    [
        (" ", None, "missing_reason", "accept"),
        ("why", "nobody", "unknown_team", "team"),
    ],
)
def test_a_refusal_names_its_field_and_nothing_is_booked(
    ledger: Ledger, tmp_path: Path, reason: str, team: str | None, code: str, field: str
) -> None:
    billed(ledger, tmp_path, "acme,2026-10,102")
    options = AcceptVarianceOptions(month=OCTOBER, reason=reason, team=team)
    with pytest.raises(AcceptRefused) as refused:
        accept_variances(ledger, options, by="ann", at=5)
    assert (refused.value.code, refused.value.field) == (code, field)
    with ledger.reading() as connection:
        assert periods.adjustments(connection) == []
        assert audit.entries(connection, action="reconcile") == []


def test_nothing_that_differs_is_nothing_to_accept(ledger: Ledger, tmp_path: Path) -> None:
    billed(ledger, tmp_path, "acme,2026-10,100")
    with pytest.raises(AcceptRefused) as refused:
        accept_variances(ledger, AcceptVarianceOptions(month=OCTOBER, reason="why"), by="ann", at=5)
    assert refused.value.code == "nothing_to_accept"


def test_the_command_names_the_flag(tallybook: Command, embedded: Ledger, tmp_path: Path) -> None:
    billed(embedded, tmp_path, "acme,2026-10,102")
    refused = tallybook("reconcile", "--period", "2026-10", "--accept", "")
    said = "tallybook reconcile: --accept: say why the variance is accepted\n"
    assert (refused.exit_code, refused.stderr) == (2, said)


def acme_invoiced(ledger: Ledger) -> int | None:
    (row,) = [row for row in reconcile(ledger, OCTOBER).rows if row.provider == "acme"]
    return row.invoiced


def recorded(ledger: Ledger, folder: Path, at: int, *rows: str) -> tuple[Document, ...]:
    path = folder / "documents.csv"
    path.write_text("\n".join(("provider,month,amount,invoice_id", *rows)) + "\n")
    return record_invoice(ledger, parse_invoice(path), "documents.csv", by="ann", at=at).replaced


def test_a_credit_note_is_added_to_the_invoice(ledger: Ledger, tmp_path: Path) -> None:
    assert recorded(ledger, tmp_path, 1, "acme,2026-10,15.00,INV-1") == ()
    assert recorded(ledger, tmp_path, 2, "acme,2026-10,-2.00,CR-1") == ()
    assert acme_invoiced(ledger) == 13 * UNIT
    assert reconcile(ledger, OCTOBER).unconverted == ()


def test_an_invoice_again_takes_the_place_of_itself_and_says_of_what(ledger: Ledger, tmp_path: Path) -> None:
    recorded(ledger, tmp_path, 1, "acme,2026-10,15.00,INV-1", "acme,2026-10,1.00,INV-2")
    (replaced,) = recorded(ledger, tmp_path, 2, "acme,2026-10,14.00,INV-1")
    assert (replaced.invoice_id, replaced.amount, replaced.lines) == ("INV-1", 15 * UNIT, 1)
    assert acme_invoiced(ledger) == 15 * UNIT


def test_an_invoice_of_another_month_leaves_the_month_that_it_was_of(ledger: Ledger, tmp_path: Path) -> None:
    recorded(ledger, tmp_path, 1, "acme,2026-10,15.00,INV-1", "acme,2026-10,1.00,INV-2")
    recorded(ledger, tmp_path, 2, "acme,2026-11,15.00,INV-1")
    assert acme_invoiced(ledger) == UNIT


def test_lines_without_an_id_replace_their_days_and_say_so(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("provider,month,amount\nacme,2026-10,15\n")
    tallybook("invoice", "import", str(path))
    path.write_text("provider,month,amount\nacme,2026-10,16\n")
    said = tallybook("invoice", "import", str(path)).stdout
    assert "1 line of 15 USD no longer counts: acme, 2026-10-01 to 2026-10-31" in said
    assert acme_invoiced(embedded) == 16 * UNIT


def test_an_invoice_beside_lines_of_the_same_days_without_an_id_is_doubtful(
    ledger: Ledger, tmp_path: Path
) -> None:
    record_invoice(ledger, invoice(tmp_path, "acme,2026-10,15"), "a", by="ann", at=1)
    recorded(ledger, tmp_path, 2, "acme,2026-10,15.00,INV-1")
    assert "tell of some days twice" in reconcile(ledger, OCTOBER).unconverted[0]


def test_a_document_that_was_taken_back_with_an_amount_of_0_tells_of_no_day_twice(
    ledger: Ledger, tmp_path: Path
) -> None:
    record_invoice(ledger, invoice(tmp_path, "acme,2026-10,15"), "a", by="ann", at=1)
    recorded(ledger, tmp_path, 2, "acme,2026-10,15.00,INV-1")
    record_invoice(ledger, invoice(tmp_path, "acme,2026-10,0"), "a", by="ann", at=3)
    assert reconcile(ledger, OCTOBER).unconverted == ()


def test_lines_of_an_earlier_version_keep_what_they_replaced(ledger: Ledger, tmp_path: Path) -> None:
    recorded(ledger, tmp_path, 1, "acme,2026-10,15.00,INV-1")
    (line,) = parse_invoice(tmp_path / "documents.csv").lines
    old = replace(line, amount=9 * UNIT, invoice_id="CR-1", recorded_at=2, replaces="days")
    with ledger.writing() as connection:
        add_lines(connection, [old])
    assert acme_invoiced(ledger) == 9 * UNIT
    recorded(ledger, tmp_path, 3, "acme,2026-10,15.00,INV-1")
    assert acme_invoiced(ledger) == 24 * UNIT


DOCUMENTS = st.lists(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-9, 9)), min_size=1, max_size=3), max_size=6
)


@given(DOCUMENTS)
def test_documents_add_up_and_each_counts_as_it_was_recorded_last(
    imports: list[list[tuple[str, int]]],
) -> None:
    known: list[InvoiceLine] = []
    expected: dict[str, list[int]] = {}
    for at, rows in enumerate(imports):
        lines = [
            InvoiceLine(
                provider="acme",
                first_day=0,
                end_day=31,
                amount=amount,
                currency="USD",
                source="table",
                invoice_id=ident,
                recorded_at=at,
                number=number,
            )
            for number, (ident, amount) in enumerate(rows)
        ]
        expected |= {ident: [amount for other, amount in rows if other == ident] for ident, _ in rows}
        known += new_lines(lines, known)
    assert sum(line.amount for line in current_lines(known)) == sum(map(sum, expected.values()))


def test_a_mark_up_is_no_variance_and_is_never_given_back(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    tallybook("prices", "markup", "all", "10%")
    acme_month(tallybook, tmp_path, acme_call("a"))
    recorded(embedded, tmp_path, 1, "acme,2026-10,10.00,INV-1")
    (row,) = object_of(tallybook("reconcile", "--period", "2026-10", "--json"))["rows"]
    assert (row["ledger"], row["markups"], row["variance"], row["agrees"]) == ("10", "1", "0", True)
    assert (row["because"]["markups"], row["because"]["fees"]) == ("1", "0")
    assert "Mark-ups" in tallybook("reconcile", "--period", "2026-10").stdout
    refused = tallybook("reconcile", "--period", "2026-10", "--accept", "why")
    assert "nothing of 2026-10 differs" in refused.stderr


def test_a_reported_cost_is_compared_as_it_was_reported(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    acme_month(tallybook, tmp_path, acme_call("a"), acme_call("b", cost=7))
    recorded(embedded, tmp_path, 1, "acme,2026-10,17.00,INV-1")
    (row,) = reconcile(embedded, OCTOBER).rows
    assert (row.ledger, row.variance) == (17 * UNIT, 0)


def test_a_variance_that_two_people_accept_at_once_is_booked_once(ledger: Ledger, tmp_path: Path) -> None:
    billed(ledger, tmp_path, "acme,2026-10,102")
    options = AcceptVarianceOptions(month=OCTOBER, reason="keys of the lab")

    def accept(by: str) -> int:
        try:
            return len(accept_variances(ledger, options, by=by, at=5))
        except AcceptRefused:
            return 0

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert sum(pool.map(accept, ("ann", "bob", "eve", "dan"))) == 1
    with ledger.reading() as connection:
        assert [booked.amount for booked in periods.adjustments(connection)] == [2 * UNIT]
