"""Reconciliation: what providers charge against what the ledger says, and how much of the difference is explained.

Providers count days and months in UTC, and so does this. An invoice is what the standing lines of a month say, in the reporting currency by the rate of their first
day. The ledger's side is what calls cost, and fees of the provider that are billed in the month. Of the variance (invoice less ledger) some may be explained: by
calls without a price (an estimate, at what a token of the provider's priced calls cost), by what calls cost that were cancelled or failed, which some
providers do not bill, and by rounding (half a cent for each line of the invoice). What is left was used with keys that the gateway does not see, or is wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final, Literal

from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Fee, charges_of
from dashboard.fees.store import read_fees
from dashboard.query.calendar import Calendar, Month, of_month
from dashboard.query.question import REPORTING, QuestionError, SpendQuery
from dashboard.query.run import run
from dashboard.reconciliation.invoices.line import InvoiceLine, overlapping
from dashboard.reconciliation.invoices.store import read_lines
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.money import divide_half_even
from ingest.model.zone import Zone, date_of
from ingest.pricing.matching import provider_of

By = Literal["provider", "day", "model"]
BYS: Final[tuple[By, ...]] = ("provider", "day", "model")
UTC_ZONE: Final = Zone("UTC")
_HALF_CENT: Final = money.PICO_PER_UNIT // 200
_METRICS: Final = ("total_cost", "requests", "unpriced_requests", "total_tokens")


@dataclass(frozen=True, slots=True)
class Threshold:
    """What may differ: a part of the invoice, or an amount in pico-units."""

    share: Fraction = Fraction(0)
    amount: int = 0


DEFAULT_THRESHOLD: Final = Threshold(share=Fraction(1, 100))


@dataclass(frozen=True, slots=True)
class Compared:
    """A provider, one of its days or models: both sides in pico-units of the reporting currency."""

    provider: str
    key: str | None
    """The day or model; None for all of the provider."""
    invoiced: int | None
    """None where no invoice names it."""
    ledger: int
    fees: int
    booked: int
    """What was accepted before, and booked."""
    requests: int
    unpriced_requests: int
    unpriced: int
    """What calls without a price may have cost, estimated."""
    cancelled: int
    """What cancelled and failed calls cost by the ledger."""
    rounding: int
    """What rounding of the invoice's lines may make, at most."""

    @property
    def variance(self) -> int | None:
        """What the invoice has above the ledger, fees and what was booked; None without an invoice."""
        return None if self.invoiced is None else self.invoiced - self.ledger - self.fees - self.booked

    @property
    def share(self) -> Fraction | None:
        """The variance as a part of the invoice; None where there is no invoice, or one of nothing."""
        return (
            Fraction(self.variance, abs(self.invoiced))
            if self.variance is not None and self.invoiced
            else None
        )

    @property
    def explained(self) -> int:
        """How much of the variance unpriced calls, cancelled calls and rounding explain, at most all of it."""
        variance = self.variance or 0
        could = self.unpriced + self.rounding if variance > 0 else self.cancelled + self.rounding
        return min(abs(variance), could) * (1 if variance >= 0 else -1)

    @property
    def unexplained(self) -> int:
        """What is left."""
        return (self.variance or 0) - self.explained

    def agrees(self, threshold: "Threshold") -> bool:
        """Whether the two sides differ by no more than a threshold, or than rounding makes."""
        if self.variance is None or self.invoiced is None:
            return False
        most = max(abs(self.invoiced) * threshold.share, Fraction(threshold.amount), Fraction(self.rounding))
        return abs(self.variance) <= most


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A month, compared."""

    month: Month
    currency: str
    by: By
    threshold: Threshold
    rows: tuple[Compared, ...]
    unconverted: tuple[str, ...] = ()
    """Why lines of the invoice are left out."""

    def total(self, name: str) -> int:
        """The sum of a figure over all rows that have an invoice."""
        return sum(getattr(row, name) or 0 for row in self.rows if row.invoiced is not None)


def read_by(text: str) -> By:
    """What is compared.

    Raises:
        QuestionError: it is nothing that is.
    """
    for by in BYS:
        if by == text:
            return by
    raise QuestionError("unknown_by", "by", f"by: there is no {text!r}; there are {', '.join(BYS)}")


def read_threshold(text: str | None) -> Threshold:
    """What may differ: a percent of the invoice, such as 1%, or an amount; the usual threshold without a text.

    Raises:
        QuestionError: it is neither.
    """
    if text is None:
        return DEFAULT_THRESHOLD
    is_percent = text.strip().endswith("%")
    try:
        number = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation as error:
        message = f"threshold: {text!r} is neither a percent such as 1% nor an amount such as 5"
        raise QuestionError("invalid_threshold", "threshold", message) from error
    if not number.is_finite() or number < 0 or number.adjusted() > 15:  # noqa: PLR2004
        raise QuestionError("invalid_threshold", "threshold", f"threshold: {text!r} is not above 0")
    return Threshold(share=Fraction(number) / 100) if is_percent else Threshold(amount=money.pico_of(number))


def reconcile(
    ledger: Ledger,
    month: Month,
    by: By = "provider",
    *,
    provider: str | None = None,
    threshold: Threshold = DEFAULT_THRESHOLD,
) -> Reconciliation:
    """Compare a month of UTC."""
    calendar = of_month(month)
    with ledger.reading() as connection:
        lines = read_lines(connection, *calendar.days)
        rates = read_rates(connection)
        charged = read_fees(connection)
        booked = periods.adjustments(connection)
    invoiced, counts, problems = _invoiced(ledger, lines, rates, by)
    used, unconverted = _used(ledger, calendar, by)
    problems += unconverted
    problems += [
        f"invoices of {one} tell of some days twice, as a month and by day or with and without accounts: all of it is counted"
        for one in sorted(overlapping(lines))
    ]
    fees: dict[Key, int] = {}
    taken: dict[Key, int] = {}
    if by == "provider":
        billed, unknown = _fees(ledger, charged, calendar, rates)
        problems += unknown
        fees = {(name, None): amount for name, amount in billed.items()}
        for each in booked:
            if each.cause == "reconciliation" and each.about == str(month) and each.provider:
                taken[each.provider, None] = taken.get((each.provider, None), 0) + each.amount
    keys = sorted({*invoiced, *used, *fees}, key=lambda key: (key[0], key[1] or ""))
    rows = tuple(
        _compared(key, invoiced.get(key), used.get(key, _Side()), fees, taken, counts.get(key, 0))
        for key in keys
    )
    wanted = None if provider is None else provider_of(provider.lower())
    chosen = tuple(row for row in rows if wanted in (None, row.provider) and not _is_nothing(row))
    return Reconciliation(month, ledger.currency, by, threshold, chosen, tuple(problems))


Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class _Side:
    """The ledger's side."""

    cost: int = 0
    requests: int = 0
    unpriced_requests: int = 0
    unpriced: int = 0
    cancelled: int = 0


def _is_nothing(row: Compared) -> bool:
    return row.invoiced is None and not (row.ledger or row.fees or row.unpriced_requests)


def _compared(
    key: Key,
    invoiced: int | None,
    side: _Side,
    fees: Mapping[Key, int],
    booked: Mapping[Key, int],
    lines: int,
) -> Compared:
    return Compared(
        *key,
        invoiced=invoiced,
        ledger=side.cost,
        fees=fees.get(key, 0),
        booked=booked.get(key, 0),
        requests=side.requests,
        unpriced_requests=side.unpriced_requests,
        unpriced=side.unpriced,
        cancelled=side.cancelled,
        rounding=lines * _HALF_CENT,
    )


def _invoiced(
    ledger: Ledger, lines: Iterable[InvoiceLine], rates: Rates, by: By
) -> tuple[dict[Key, int], dict[Key, int], list[str]]:
    """What the invoice says of each key, how many lines say it, and why some say nothing."""
    found: dict[Key, Fraction] = {}
    counts: dict[Key, int] = {}
    problems: dict[str, None] = {}
    for one in lines:
        key = (one.provider, _key_of(one, by))
        if by != "provider" and key[1] is None:
            which = "days" if by == "day" else "models"
            problems[
                f"lines of {one.provider} that are not told by {by} are of several {which}: compare by provider"
            ] = None
            continue
        try:
            rate = rates.find(one.currency, ledger.currency, one.first_day).rate
        except NoRate as error:
            problems[str(error)] = None
            continue
        found[key] = found.get(key, Fraction(0)) + one.amount * rate
        counts[key] = counts.get(key, 0) + 1
    whole = {key: divide_half_even(amount.numerator, amount.denominator) for key, amount in found.items()}
    return whole, counts, list(problems)


def _key_of(one: InvoiceLine, by: By) -> str | None:
    """What a line is compared with; None for all of the provider, or for a line that is of several days or models."""
    if by == "model":
        return one.model
    is_one_day = one.end_day == one.first_day + 1
    return str(date_of(one.first_day)) if by == "day" and is_one_day else None


def _fees(
    ledger: Ledger, charged: Iterable[Fee], calendar: Calendar, rates: Rates
) -> tuple[dict[str, int], list[str]]:
    """What fees bill of each provider in a month of the reporting zone, whose midnights they start at."""
    found: dict[str, int] = {}
    problems: list[str] = []
    start, end = calendar.period(ledger.zone).micros
    for fee in charged:
        for charge in charges_of(fee, ledger.zone, start, end) if fee.provider else ():
            if not start <= charge.start < end:
                continue
            try:
                rate = rates.find(fee.currency, ledger.currency, ledger.zone.day(charge.start)).rate
            except NoRate as error:
                problems.append(f"the fee {fee.name}: {error}")
                continue
            amount = charge.amount * rate
            name = provider_of(fee.provider or "")
            found[name] = found.get(name, 0) + divide_half_even(amount.numerator, amount.denominator)
    return found, problems


def _used(ledger: Ledger, calendar: Calendar, by: By) -> tuple[dict[Key, _Side], list[str]]:
    """What the ledger says, by provider as price lists name them, and day or model; and what could not be converted."""
    dimensions = {"provider": (), "day": ("time",), "model": ("model",)}[by]
    query = SpendQuery(
        period=calendar.period(UTC_ZONE),
        zone=UTC_ZONE.name,
        metrics=_METRICS,
        dimensions=("provider", *dimensions, "status", "cost_source"),
        interval="day" if by == "day" else None,
        currency=REPORTING,
    )
    result = run(ledger, query)
    rows = [row for row in result.rows if row.currency == ledger.currency]
    held: dict[Key, list[tuple[str, str, Sequence[Any]]]] = {}
    for row in rows:
        key = (provider_of(str(row.key[0])), str(row.key[1])[:10] if by == "day" else None)
        if by == "model":
            key = (key[0], str(row.key[1]))
        held.setdefault(key, []).append((str(row.key[-2]), str(row.key[-1]), row.values))
    others = [one for one in (result.totals, *result.other_currencies) if one.currency != ledger.currency]
    left = [
        f"calls of {money.plain(_pico(one.values[0]))} {one.currency}: {result.no_rate or 'no exchange rates are known'}"
        for one in others
        if one.values[0]
    ]
    return {key: _side(some) for key, some in held.items()}, left


def _side(rows: Sequence[tuple[str, str, Sequence[Any]]]) -> _Side:
    cost = sum(_pico(values[0]) for _, _, values in rows)
    tokens = {
        is_unpriced: sum(
            int(values[3]) for _, source, values in rows if (source == "unpriced") is is_unpriced
        )
        for is_unpriced in (True, False)
    }
    estimate = divide_half_even(cost * tokens[True], tokens[False]) if tokens[False] and cost > 0 else 0
    return _Side(
        cost=cost,
        requests=sum(int(values[1]) for _, _, values in rows),
        unpriced_requests=sum(int(values[2]) for _, _, values in rows),
        unpriced=estimate,
        cancelled=sum(_pico(values[0]) for status, _, values in rows if status != "success"),
    )


def _pico(amount: object) -> int:
    return money.pico_of(amount) if isinstance(amount, Decimal) else 0


def as_json(found: Reconciliation) -> dict[str, Any]:
    """The comparison as outputs give it."""
    names = ("invoiced", "ledger", "fees", "booked", "variance", "explained", "unexplained")
    return {
        "period": str(found.month),
        "currency": found.currency,
        "by": found.by,
        "threshold": {
            "share": f"{float(found.threshold.share):.4f}",
            "amount": money.plain(found.threshold.amount),
        },
        "rows": [_row(found, row) for row in found.rows],
        "totals": {name: money.plain(found.total(name)) for name in names},
        "unconverted": list(found.unconverted),
    }


def _row(found: Reconciliation, row: Compared) -> dict[str, Any]:
    key: dict[str, Any] = {} if found.by == "provider" else {found.by: row.key}
    has_invoice = row.invoiced is not None
    return {
        "provider": row.provider,
        **key,
        "invoiced": money.plain(row.invoiced) if row.invoiced is not None else None,
        "ledger": money.plain(row.ledger),
        "fees": money.plain(row.fees),
        "booked": money.plain(row.booked),
        "variance": money.plain(row.variance) if row.variance is not None else None,
        "share": None if row.share is None else f"{float(row.share):.6f}",
        "explained": money.plain(row.explained) if has_invoice else None,
        "unexplained": money.plain(row.unexplained) if has_invoice else None,
        "because": {
            "unpriced": money.plain(row.unpriced),
            "cancelled": money.plain(row.cancelled),
            "rounding": money.plain(row.rounding),
        },
        "requests": row.requests,
        "unpriced_requests": row.unpriced_requests,
        "agrees": row.agrees(found.threshold),
    }


CSV_COLUMNS: Final = (
    "period",
    "provider",
    "key",
    "currency",
    "invoiced",
    "ledger",
    "fees",
    "booked",
    "variance",
    "share",
    "explained",
    "unexplained",
    "requests",
    "unpriced_requests",
    "agrees",
)


def csv_rows(found: Reconciliation) -> Iterable[list[Any]]:
    """The rows as `CSV_COLUMNS` has them."""
    for row in found.rows:
        facts = _row(found, row) | {"period": str(found.month), "currency": found.currency, "key": row.key}
        yield [facts[name] for name in CSV_COLUMNS]


def unreconciled(ledger: Ledger, month: Month) -> tuple[Compared, ...]:
    """The providers of a month whose invoice is missing, or differs by more than the threshold."""
    found = reconcile(ledger, month)
    return tuple(
        row for row in found.rows if (row.ledger or row.invoiced) and not row.agrees(found.threshold)
    )
