"""Invoice lines: amounts that a provider charges for UTC days `[first_day, end_day)`, from any source.

A document is an invoice or credit note with an id, or the lines of an account's days without an id. Documents
add up; of a document, the lines that were recorded last count.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

Replaces = Literal["document", "days"]
"""The earlier lines that a line replaces: those of its document, or all of its account and days. Lines
recorded before invoices were told apart by their ids replace those of their days."""
Scope = tuple[str, str, int, int]
DocumentKey = tuple[str, str, str] | Scope
_Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """An amount, in pico-units, that a provider charges for UTC days."""

    provider: str
    first_day: int
    end_day: int
    amount: int
    currency: str
    source: str
    """The format of the file that the line was read from."""
    account: str = ""
    model: str | None = None
    description: str = ""
    invoice_id: str | None = None
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0
    replaces: Replaces = "document"

    @property
    def scope(self) -> Scope:
        """The account and days of the line."""
        return self.provider, self.account, self.first_day, self.end_day

    @property
    def document(self) -> DocumentKey:
        """The document of the line: its invoice, or else its account and days."""
        if self.invoice_id is not None:
            return self.provider, self.account, self.invoice_id
        return self.scope

    @property
    def content(self) -> tuple[str | None, str, int, str, str | None, int, int]:
        """The content of the line; recording it again in the same document changes nothing."""
        return (
            self.model,
            self.description,
            self.amount,
            self.currency,
            self.invoice_id,
            self.first_day,
            self.end_day,
        )


@dataclass(frozen=True, slots=True)
class Document:
    """The sum of the lines of a document in a currency, for the days from its first to its last line."""

    provider: str
    account: str
    invoice_id: str | None
    first_day: int
    end_day: int
    currency: str
    amount: int
    lines: int


def current_lines(lines: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """The lines that count: of each document, the lines that were recorded last.

    Lines that replace by days also take the place of all lines of the same account and days.
    """
    standing: dict[Scope, dict[DocumentKey, list[InvoiceLine]]] = {}
    scopes: dict[DocumentKey, set[Scope]] = {}
    for _, group in groupby(sorted(lines, key=_recorded), key=lambda line: line.recorded_at):
        recorded = list(group)
        for scope in {line.scope for line in recorded if line.replaces == "days"}:
            standing.pop(scope, None)
        for document in {line.document for line in recorded if line.replaces == "document"}:
            for scope in scopes.get(document, ()):
                standing.get(scope, {}).pop(document, None)
        for line in recorded:
            standing.setdefault(line.scope, {}).setdefault(line.document, []).append(line)
            scopes.setdefault(line.document, set()).add(line.scope)
    return [line for documents in standing.values() for group in documents.values() for line in group]


def _recorded(line: InvoiceLine) -> tuple[int, int]:
    return line.recorded_at, line.number


def overlapping_providers(lines: Iterable[InvoiceLine]) -> set[str]:
    """The providers with some days twice: by month and by day, with and without an account or an invoice.

    Invoices with an id are documents of their own: they add up, and do not overlap with each other. A line of
    nothing, which takes back what it replaced, tells of no day.
    """
    numbered: dict[str, set[_Span]] = {}
    plain: dict[str, set[_Span]] = {}
    for line in lines:
        if not line.amount:
            continue
        spans = plain if line.invoice_id is None else numbered
        spans.setdefault(line.provider, set()).add((line.account, line.first_day, line.end_day))
    return {
        provider
        for provider, spans in plain.items()
        if _has_overlap(spans) or _meet(spans, numbered.get(provider, ()))
    }


def _has_overlap(scopes: Collection[_Span]) -> bool:
    accounts = {account for account, _, _ in scopes}
    for account in accounts:
        # A line without an account is for all accounts, so it overlaps with the lines of each.
        spans = sorted((first, end) for other, first, end in scopes if other in (account, ""))
        if any(first < end_before for (_, end_before), (first, _) in pairwise(spans)):
            return True
    return False


def _meet(spans: Iterable[_Span], others: Collection[_Span]) -> bool:
    """Whether a span shares an account and a day with another one."""
    days: dict[str, set[int]] = {}
    for account, first, end in others:
        days.setdefault(account, set()).update(range(first, end))
    return any(
        not days[other].isdisjoint(range(first, end))
        for account, first, end in spans
        for other in days
        if account == other or "" in (account, other)
    )


def new_lines(
    lines: Iterable[InvoiceLine], known: Iterable[InvoiceLine], *, may_replace: bool = True
) -> list[InvoiceLine]:
    """The lines of documents whose content differs from the known lines; a file again adds no lines.

    Without `may_replace`, only the lines of documents that have no known lines.
    """
    before = _by_document(current_lines(known))
    new: list[InvoiceLine] = []
    for document, group in _by_document(lines).items():
        has_changed = _contents(group) != _contents(before.get(document, []))
        if has_changed and (may_replace or document not in before):
            new += group
    return new


def replaced_documents(new: Iterable[InvoiceLine], known: Iterable[InvoiceLine]) -> list[Document]:
    """The documents of the known lines that no longer count once the new lines are recorded."""
    before = _by_document(current_lines(known))
    return [document for key in _by_document(new) if key in before for document in _documents(before[key])]


def _documents(lines: Iterable[InvoiceLine]) -> list[Document]:
    by_currency: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        by_currency.setdefault(line.currency, []).append(line)
    return [
        Document(
            provider=group[0].provider,
            account=group[0].account,
            invoice_id=group[0].invoice_id,
            first_day=min(line.first_day for line in group),
            end_day=max(line.end_day for line in group),
            currency=currency,
            amount=sum(line.amount for line in group),
            lines=len(group),
        )
        for currency, group in sorted(by_currency.items())
    ]


def _by_document(lines: Iterable[InvoiceLine]) -> dict[DocumentKey, list[InvoiceLine]]:
    by_document: dict[DocumentKey, list[InvoiceLine]] = {}
    for line in lines:
        by_document.setdefault(line.document, []).append(line)
    return by_document


def _contents(lines: Iterable[InvoiceLine]) -> list[str]:
    return sorted(repr(line.content) for line in lines)
