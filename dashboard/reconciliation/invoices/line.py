"""An invoice line: what a provider charges for some days, whatever it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """An amount that a provider charges, in pico-units, for days of UTC."""

    provider: str
    first_day: int
    end_day: int
    amount: int
    currency: str
    source: str
    """The form that it was read from."""
    account: str = ""
    model: str | None = None
    description: str = ""
    invoice_id: str | None = None
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0

    @property
    def about(self) -> tuple[str, str, int, int]:
        """What it is told for: the lines about it that were recorded last are the ones that count."""
        return self.provider, self.account, self.first_day, self.end_day

    @property
    def said(self) -> tuple[str | None, str, int, str, str | None]:
        """What it says."""
        return self.model, self.description, self.amount, self.currency, self.invoice_id


def standing(lines: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """The lines that count: of a provider's account and days, those that were recorded last."""
    by_about: dict[object, list[InvoiceLine]] = {}
    for one in lines:
        by_about.setdefault(one.about, []).append(one)
    return [
        one
        for some in by_about.values()
        for one in some
        if one.recorded_at == max(o.recorded_at for o in some)
    ]


def overlapping(lines: Iterable[InvoiceLine]) -> set[str]:
    """The providers whose lines that count tell of the same days twice: as a month and by day, or with and without accounts."""
    by_provider: dict[str, dict[tuple[str, int, int], None]] = {}
    for one in lines:
        by_provider.setdefault(one.provider, {})[one.account, one.first_day, one.end_day] = None
    return {provider for provider, told in by_provider.items() if _told_twice(list(told))}


def _told_twice(told: list[tuple[str, int, int]]) -> bool:
    accounts = {account for account, _, _ in told}
    for account in accounts:
        # Lines without an account are of all accounts, so that they may not share days with any.
        spans = sorted((first, end) for other, first, end in told if other in (account, ""))
        if any(first < end_before for (_, end_before), (first, _) in pairwise(spans)):
            return True
    return False


def news(
    read: Iterable[InvoiceLine], known: Iterable[InvoiceLine], *, may_replace: bool = True
) -> list[InvoiceLine]:
    """The lines about days of which something else was known before; the same export again says nothing new.

    Unless it `may_replace` what is known, only lines about days that nothing was known of.
    """
    before: dict[object, list[InvoiceLine]] = {}
    for one in standing(known):
        before.setdefault(one.about, []).append(one)
    now: dict[object, list[InvoiceLine]] = {}
    for one in read:
        now.setdefault(one.about, []).append(one)
    return [
        one
        for about, some in now.items()
        if _says(some) != _says(before.get(about, [])) and (may_replace or about not in before)
        for one in some
    ]


def _says(lines: Iterable[InvoiceLine]) -> list[str]:
    return sorted(repr(one.said) for one in lines)
