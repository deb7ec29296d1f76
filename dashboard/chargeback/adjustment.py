"""An adjustment, opened: the calls, prices and owners that it is made of, before and after.

Its number names the month in which it is booked, and its place in that month's statement. The evidence of a
closed statement is sealed with it; an open statement's is computed from the ledger as it is now.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dashboard.calls.calls import Call, list_calls, list_revised_calls
from dashboard.calls.store import CallsQuery
from dashboard.chargeback.evidence import evidence_of
from dashboard.chargeback.sealed import sealed_statements
from dashboard.chargeback.statement import CAUSES, Correction, DirectoryName, Evidence, Statement
from dashboard.chargeback.statements import statement
from dashboard.chargeback.store import names_of, rates_of
from dashboard.query.calendar import of_month, read_month
from dashboard.query.question import Filter
from ingest.clock import rfc3339_seconds
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.money import divide_half_even, from_pico, plain_decimal
from ingest.model.ownership import Owner
from ingest.price_book.descriptions import calls_of_term
from ingest.pricing.rates import PriceSet
from ingest.pricing.terms import percent_of

MOST_CALLS: Final = 100
"""The highest number of single calls that an opened adjustment lists."""
_NUMBER: Final = re.compile(r"(\d{4}-\d{2})-(\d{1,6})")
_CHANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "price": ("prices", "reprice", "rates", "fees"),
    "ownership": ("owner", "team", "customer", "key", "directory", "allocate"),
    "late": (),
}
"""The starts of the actions in the audit log that may be behind a correction, by its cause."""
_MOST_CHANGES: Final = 1_000


@dataclass(frozen=True)
class OpenedAdjustment:
    """An adjustment with its evidence."""

    statement: Statement
    """The statement that the adjustment is in."""
    correction: Correction
    evidence: tuple[Evidence, ...]
    names: Mapping[int, DirectoryName]
    prices: Mapping[int, PriceSet]
    changes: tuple[audit.Entry, ...]
    """What people changed between the closing of the month and now, newest first."""
    calls: tuple[Call, ...]
    """Single calls that came late or were replaced by a later version, the newest first."""
    has_more_calls: bool

    def name(self, entry_id: int | None) -> str | None:
        """The name of a directory entry."""
        if entry_id is None:
            return None
        named = self.names.get(entry_id)
        return named.name if named else f"#{entry_id}"


def unknown_adjustment(number: str) -> str:
    """What to say about a number that no adjustment has."""
    return (
        f"there is no adjustment {number!r}; statements name them, such as 2026-11-3: "
        "`tallybook report chargeback --period 2026-11`"
    )


def read_adjustment(ledger: Ledger, number: str, now: int) -> OpenedAdjustment | None:
    """The adjustment with a number; None if there is none."""
    match = _NUMBER.fullmatch(number.strip())
    if match is None:
        return None
    current = statement(ledger, of_month(read_month(match[1])), now)
    correction = next((row for row in current.corrections if row.number == match[0]), None)
    if correction is None:
        return None
    evidence = tuple(line for line in current.evidence if line.number == correction.number)
    if not evidence:
        evidence = tuple(evidence_of(ledger, current, [correction], now))
    return _opened(ledger, current, correction, evidence)


def _opened(
    ledger: Ledger, current: Statement, correction: Correction, evidence: tuple[Evidence, ...]
) -> OpenedAdjustment:
    entries = {line.virtual_key_id for line in evidence} | {
        team for line in evidence for team in (*line.teams_before, *line.teams_after)
    }
    sets = {number for line in evidence for number in (*line.price_sets_before, *line.price_sets_after)}
    calls, has_more = _calls(ledger, current, correction)
    with ledger.reading() as connection:
        names = names_of(connection, {entry for entry in entries if entry is not None})
        prices = rates_of(connection, sets)
    return OpenedAdjustment(
        current,
        correction,
        evidence,
        {**names, **current.names},
        prices,
        tuple(_changes(ledger, current, correction)),
        calls,
        has_more,
    )


def _calls(ledger: Ledger, current: Statement, correction: Correction) -> tuple[tuple[Call, ...], bool]:
    """Calls of the owner that came late, or for other prices the calls that were revised."""
    closed = sealed_statements(ledger)
    about = correction.about
    if about is None or about not in closed.closings or correction.cause not in ("late", "price"):
        return (), False
    before = closed.statement(about)
    period = of_month(read_month(about)).period(ledger.zone)
    query = CallsQuery(
        period.start,
        period.end,
        filters=_filters(correction.owner, current.names),
        limit=MOST_CALLS,
        stored_until=current.last_call if current.hash else None,
    )
    if correction.cause == "late":
        page = list_calls(ledger, replace(query, new_after=before.last_call))
    else:
        page = list_revised_calls(ledger, query, before.last_call)
    return page.calls, page.next_cursor is not None


def _filters(owner: Owner, names: Mapping[int, DirectoryName]) -> tuple[Filter, ...]:
    named = names.get(owner.team_id) if owner.team_id is not None else None
    return (Filter("team", (named.ident if named else None,)),)


def _changes(ledger: Ledger, current: Statement, correction: Correction) -> Iterable[audit.Entry]:
    closed = sealed_statements(ledger)
    if correction.about is None or correction.about not in closed.closings:
        return
    since, until = closed.closings[correction.about].at, current.closed_at
    starts = _CHANGES.get(correction.cause, ())
    with ledger.reading() as connection:
        entries = audit.entries(connection, most=_MOST_CHANGES)
    for entry in entries:
        if since <= entry.at and (until is None or entry.at <= until) and entry.action.split()[0] in starts:
            yield entry


def adjustment_as_json(opened: OpenedAdjustment) -> dict[str, Any]:
    """The adjustment in the JSON of `tallybook report adjustment` and of its address."""
    correction, current = opened.correction, opened.statement
    team, customer, center = (opened.name(entry) for entry in correction.owner)
    return {
        "number": correction.number,
        "period": current.period,
        "statement_number": current.number,
        "status": current.status,
        "about": correction.about,
        "cause": correction.cause,
        "means": CAUSES[correction.cause],
        "reason": correction.reason,
        "team": team,
        "customer": customer,
        "cost_center": center,
        "currency": current.currency,
        "amount": money.plain(correction.amount),
        "lines": [_line(opened, line) for line in opened.evidence],
        "changes": [
            {
                "at": rfc3339_seconds(entry.at),
                "by": entry.by,
                "action": entry.action,
                "subject": entry.subject,
                "detail": entry.detail,
            }
            for entry in opened.changes
        ],
        "calls": list(opened.calls),
        "has_more_calls": opened.has_more_calls,
    }


def _line(opened: OpenedAdjustment, line: Evidence) -> dict[str, Any]:
    amounts = {
        "kind": line.kind,
        "name": line.name or None,
        "before": money.plain(line.before),
        "after": money.plain(line.after),
        "amount": money.plain(line.amount),
    }
    if line.kind != "calls":
        return amounts
    return amounts | {
        "virtual_key": opened.name(line.virtual_key_id),
        "provider": line.provider,
        "model": line.model,
        "requests_before": line.requests_before,
        "requests_after": line.requests_after,
        "tokens_before": line.tokens_before,
        "tokens_after": line.tokens_after,
        "per_million_tokens_before": per_million(line.before, line.tokens_before),
        "per_million_tokens_after": per_million(line.after, line.tokens_after),
        "teams_before": [opened.name(team) for team in line.teams_before],
        "teams_after": [opened.name(team) for team in line.teams_after],
        "prices_before": _prices(opened, line.price_sets_before),
        "prices_after": _prices(opened, line.price_sets_after),
    }


def per_million(pico: int, tokens: int) -> str | None:
    """The cost of a million tokens as decimal text; None without tokens."""
    return plain_decimal(from_pico(divide_half_even(pico * 1_000_000, tokens))) if tokens > 0 else None


def _prices(opened: OpenedAdjustment, numbers: Iterable[int]) -> list[dict[str, Any]]:
    return [
        {
            "source": prices.source,
            "origin": prices.origin,
            "service_tier": prices.service_tier,
            "above_input_tokens": prices.above_input_tokens,
            "currency": prices.currency,
            "rates": {meter: str(rate) for meter, rate in prices.by_meter.items()},
            "terms": [f"{term.kind} {percent_of(term)} on {calls_of_term(term)}" for term in prices.terms],
        }
        for number in numbers
        if (prices := opened.prices.get(number))
    ]
