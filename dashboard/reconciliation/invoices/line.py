"""Invoice lines: amounts that a provider charges for UTC days `[first_day, end_day)`, from any source."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


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

    @property
    def scope(self) -> tuple[str, str, int, int]:
        """The account and days of the line. Of lines with the same scope, those recorded last are current."""
        return self.provider, self.account, self.first_day, self.end_day

    @property
    def content(self) -> tuple[str | None, str, int, str, str | None]:
        """The content of the line; recording it again in the same scope changes nothing."""
        return self.model, self.description, self.amount, self.currency, self.invoice_id


def current_lines(lines: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """The lines that count: in each scope, the lines that were recorded last."""
    current: list[InvoiceLine] = []
    for group in _by_scope(lines).values():
        newest = max(line.recorded_at for line in group)
        current += [line for line in group if line.recorded_at == newest]
    return current


def _by_scope(lines: Iterable[InvoiceLine]) -> dict[object, list[InvoiceLine]]:
    by_scope: dict[object, list[InvoiceLine]] = {}
    for line in lines:
        by_scope.setdefault(line.scope, []).append(line)
    return by_scope


def overlapping_providers(lines: Iterable[InvoiceLine]) -> set[str]:
    """The providers with several lines for a day: by month and by day, or with and without an account."""
    by_provider: dict[str, dict[tuple[str, int, int], None]] = {}
    for line in lines:
        by_provider.setdefault(line.provider, {})[line.account, line.first_day, line.end_day] = None
    return {provider for provider, scopes in by_provider.items() if _has_overlap(list(scopes))}


def _has_overlap(scopes: list[tuple[str, int, int]]) -> bool:
    accounts = {account for account, _, _ in scopes}
    for account in accounts:
        # A line without an account is for all accounts, so it overlaps with the lines of each.
        spans = sorted((first, end) for other, first, end in scopes if other in (account, ""))
        if any(first < end_before for (_, end_before), (first, _) in pairwise(spans)):
            return True
    return False


def new_lines(
    lines: Iterable[InvoiceLine], known: Iterable[InvoiceLine], *, may_replace: bool = True
) -> list[InvoiceLine]:
    """The lines of scopes whose content differs from the known lines; importing a file again adds no lines.

    Without `may_replace`, only the lines of scopes that have no known lines.
    """
    before = _by_scope(current_lines(known))
    new: list[InvoiceLine] = []
    for scope, group in _by_scope(lines).items():
        if _contents(group) != _contents(before.get(scope, [])) and (may_replace or scope not in before):
            new += group
    return new


def _contents(lines: Iterable[InvoiceLine]) -> list[str]:
    return sorted(repr(line.content) for line in lines)
