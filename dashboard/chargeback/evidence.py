"""Evidence: the calls, prices and owners that corrections of closed months are made of.

A correction is what the ledger says now, less the sealed statement, less what later statements have booked
already. Its evidence compares the two line by line: late calls, calls whose cost or owner has changed, fees,
shared cost, and earlier corrections. What only rounding explains is a line of its own, so that evidence
always adds up to its correction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from dashboard.chargeback.compute import compute_statement
from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statement import Allocation, Correction, Evidence, Fee, ModelPrices, Statement
from dashboard.chargeback.store import names_of, prices_of
from dashboard.chargeback.usage import Detail, UsageSums, usage
from dashboard.query.calendar import Calendar, of_month, read_month
from dashboard.query.plan import Range
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Owner

_COMPARED: Final = ("late", "ownership", "price")
"""Causes of corrections for which the ledger is compared with the sealed statement."""

_Line = tuple[Owner, int | None, str, str]
"""Owner, key, provider and model."""


def with_evidence(ledger: Ledger, draft: Statement, now: int) -> Statement:
    """The statement with the evidence of its corrections and the prices of its calls, to be sealed."""
    evidence = tuple(evidence_of(ledger, draft, draft.corrections, now))
    entries = {line.virtual_key_id for line in evidence} | {
        team for line in evidence for team in (*line.teams_before, *line.teams_after)
    }
    with ledger.reading() as connection:
        names = names_of(connection, {entry for entry in entries if entry is not None})
    calendar = Calendar(draft.period, draft.first, draft.end)
    return replace(
        draft, evidence=evidence, names={**names, **draft.names}, prices=used_prices(ledger, calendar)
    )


def used_prices(ledger: Ledger, calendar: Calendar) -> tuple[ModelPrices, ...]:
    """The price sets that calls of a period are priced with now."""
    start, end = calendar.period(ledger.zone).micros
    with ledger.reading() as connection:
        return prices_of(connection, Range(*calendar.days), Range(start, end))


def evidence_of(
    ledger: Ledger, current: Statement, corrections: Sequence[Correction], now: int
) -> Iterator[Evidence]:
    """The evidence of corrections of a statement, by the ledger as it is now."""
    closed = sealed_statements(ledger)
    changes: dict[str, _MonthChange] = {}
    for correction in corrections:
        about = correction.about
        lines: Iterable[Evidence] = ()
        if about is not None and correction.cause in _COMPARED and about in closed.closings:
            if about not in changes:
                changes[about] = _MonthChange(ledger, about, closed, current.period, now)
            lines = changes[about].evidence(correction)
        elif correction.cause == "booked" and about is not None:
            lines = _booked(correction, closed, about, current.period, _COMPARED)
        elif correction.cause not in (*_COMPARED, "booked"):
            reason = correction.reason
            lines = [Evidence(number=correction.number, kind="hand", name=reason, after=correction.amount)]
        yield from _complete(correction, lines)


def _complete(correction: Correction, lines: Iterable[Evidence]) -> Iterator[Evidence]:
    """Lines, and what they lack of the correction."""
    found = list(lines)
    yield from found
    if rest := correction.amount - sum(line.amount for line in found):
        yield Evidence(number=correction.number, kind="rest", after=rest)


def _booked(
    correction: Correction, closed: SealedStatements, about: str, period: str, causes: Iterable[str]
) -> Iterator[Evidence]:
    """What other statements have booked of a month for an owner, as amounts to subtract."""
    for statement in closed.since(about):
        for row in statement.corrections:
            is_same = row.about == about and row.owner == correction.owner and row.cause in causes
            if is_same and statement.period != period:
                yield Evidence(number=correction.number, kind="booked", name=row.number, before=row.amount)


@dataclass(frozen=True)
class _MonthChange:
    """A closed month as it was sealed, and as the ledger has it now."""

    ledger: Ledger
    about: str
    closed: SealedStatements
    period: str
    now: int

    @cached_property
    def before(self) -> Statement:
        """The sealed statement."""
        return self.closed.statement(self.about)

    @cached_property
    def after(self) -> Statement:
        """The statement by the ledger as it is now."""
        return compute_statement(self.ledger, of_month(read_month(self.about)), self.now)

    @cached_property
    def late(self) -> Mapping[_Line, UsageSums]:
        """The calls that came after the closing."""
        calendar = of_month(read_month(self.about))
        period = calendar.period(self.ledger.zone)
        return _by_line(usage(self.ledger, period, after_call=self.before.last_call).details)

    @cached_property
    def prices(self) -> tuple[Mapping[tuple[str, str], tuple[int, ...]], ...]:
        """The price sets of each model before and after."""
        after = used_prices(self.ledger, of_month(read_month(self.about)))
        return tuple(
            {(row.provider, row.model): row.price_sets for row in rows}
            for rows in (self.before.prices, after)
        )

    @cached_property
    def teams(self) -> tuple[Mapping[tuple[int | None, str, str], tuple[int | None, ...]], ...]:
        """The teams of the calls of each key and model before and after."""
        return tuple(_teams(statement.details) for statement in (self.before, self.after))

    def evidence(self, correction: Correction) -> Iterator[Evidence]:
        """The evidence of a correction of the month."""
        if correction.cause == "late":
            yield from self._late_calls(correction)
            causes: tuple[str, ...] = ("late",)
        else:
            yield from self._changed_calls(correction)
            yield from self._fees(correction)
            yield from self._shared(correction)
            causes = ("ownership", "price", "booked")
        yield from _booked(correction, self.closed, self.about, self.period, causes)

    def _late_calls(self, correction: Correction) -> Iterator[Evidence]:
        for line, used in self.late.items():
            if line[0] == correction.owner:
                yield self._calls(correction, line, UsageSums(), used)

    def _changed_calls(self, correction: Correction) -> Iterator[Evidence]:
        before, after = _by_line(self.before.details), _by_line(self.after.details)
        for line in dict.fromkeys((*before, *after)):
            if line[0] != correction.owner:
                continue
            late = self.late.get(line, UsageSums())
            known = after.get(line, UsageSums())
            left = UsageSums(
                known.cost - late.cost,
                requests=known.requests - late.requests,
                total_tokens=known.total_tokens - late.total_tokens,
            )
            sealed = before.get(line, UsageSums())
            changes = (left.cost - sealed.cost, left.requests - sealed.requests)
            # Shares of calls are rounded: one unit is no change.
            if any(abs(change) > 1 for change in (*changes, left.total_tokens - sealed.total_tokens)):
                yield self._calls(correction, line, sealed, left)

    def _calls(self, correction: Correction, line: _Line, before: UsageSums, after: UsageSums) -> Evidence:
        _, key, provider, model = line
        teams_before, teams_after = (teams.get((key, provider, model), ()) for teams in self.teams)
        prices_before, prices_after = (prices.get((provider, model), ()) for prices in self.prices)
        return Evidence(
            number=correction.number,
            kind="calls",
            virtual_key_id=key,
            provider=provider,
            model=model,
            teams_before=teams_before,
            teams_after=teams_after,
            price_sets_before=prices_before,
            price_sets_after=prices_after,
            requests_before=before.requests,
            requests_after=after.requests,
            tokens_before=before.total_tokens,
            tokens_after=after.total_tokens,
            before=before.cost,
            after=after.cost,
        )

    def _fees(self, correction: Correction) -> Iterator[Evidence]:
        def sums(fees: Iterable[Fee]) -> dict[str, int]:
            return _sums((fee.name, fee.amount) for fee in fees if fee.owner == correction.owner)

        for name, before, after in _changed(sums(self.before.fees), sums(self.after.fees)):
            yield Evidence(number=correction.number, kind="fee", name=name, before=before, after=after)

    def _shared(self, correction: Correction) -> Iterator[Evidence]:
        def sums(parts: Iterable[Allocation]) -> dict[str, int]:
            return _sums((part.pool, part.amount) for part in parts if part.owner == correction.owner)

        for name, before, after in _changed(sums(self.before.allocations), sums(self.after.allocations)):
            yield Evidence(number=correction.number, kind="shared", name=name, before=before, after=after)


def _by_line(details: Iterable[Detail]) -> dict[_Line, UsageSums]:
    return {
        (detail.owner, detail.virtual_key_id, detail.provider, detail.model): detail.used
        for detail in details
    }


def _teams(
    details: Iterable[Detail],
) -> dict[tuple[int | None, str, str], tuple[int | None, ...]]:
    teams: dict[tuple[int | None, str, str], dict[int | None, None]] = {}
    for detail in details:
        key = (detail.virtual_key_id, detail.provider, detail.model)
        teams.setdefault(key, {})[detail.owner.team_id] = None
    return {key: tuple(owners) for key, owners in teams.items()}


def _sums(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, amount in amounts:
        sums[name] = sums.get(name, 0) + amount
    return sums


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, 0) != after.get(name, 0):
            yield name, before.get(name, 0), after.get(name, 0)
