"""Invoices recorded and variances accepted by command and on the page.

One audit shape, and refusals that name their field.
"""

from pathlib import Path

import pytest

from dashboard.pages.chargeback.callbacks import accept_variance
from dashboard.query.calendar import Month
from dashboard.reconciliation.invoices.parser import ParsedInvoice, RejectedLine, parse_invoice
from dashboard.reconciliation.service import (
    AcceptRefused,
    AcceptVarianceOptions,
    accept_variances,
    record_invoice,
)
from ingest.ledger import audit, periods
from ingest.ledger.engine import Ledger
from tests.support.calls import call, put
from tests.support.cli import Command
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
    assert record_invoice(ledger, costs, "/some/where/costs.csv", by="ann", at=1) == 2
    assert record_invoice(ledger, costs, "/some/where/costs.csv", by="bob", at=2) == 0
    with ledger.reading() as connection:
        (told,) = audit.entries(connection)
    assert (told.at, told.by, told.action, told.subject) == (1, "ann", "invoice import", "costs.csv")
    assert told.detail == {"lines": 2, "amounts": {"USD": "105"}}


def test_an_invoice_with_faults_does_not_take_the_place_of_what_is_known(
    ledger: Ledger, tmp_path: Path
) -> None:
    record_invoice(ledger, invoice(tmp_path, "acme,2026-10,102"), "a", by="ann", at=1)
    faulty = ParsedInvoice(
        "table", invoice(tmp_path, "acme,2026-10,60").lines, (RejectedLine(3, "amount", "x", "no"),)
    )
    assert record_invoice(ledger, faulty, "b", by="ann", at=2) == 0


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
