"""Reconciliation: what providers charge, compared with the ledger, and what explains the difference.

Days and months are UTC, as providers count them. The invoice of a month is its current invoice lines,
converted to the reporting currency at the rate of their first day. The ledger's side is what the provider
asks for calls (their contracted cost), and the fees, taxes and credits of the provider that are billed in the
month. Mark-ups are what teams are charged beyond that: they are shown, and not compared. The variance is the
invoice less the ledger. It may be explained by calls without a price (estimated at the provider's average
cost of a priced token), by cancelled and failed calls, which some providers do not bill, and by rounding
(half a cent for each invoice line). The rest comes from keys that bypass the gateway, or is an error.
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
from dashboard.reconciliation.invoices.line import InvoiceLine, overlapping_providers
from dashboard.reconciliation.invoices.store import read_lines
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.money import divide_half_even
from ingest.model.zone import Zone, date_of
from ingest.pricing.matching import provider_of

GroupBy = Literal["provider", "day", "model"]
GROUPINGS: Final[tuple[GroupBy, ...]] = ("provider", "day", "model")
UTC_ZONE: Final = Zone("UTC")
_HALF_CENT: Final = money.PICO_PER_UNIT // 200
_METRICS: Final = ("contracted_cost", "requests", "unpriced_requests", "total_tokens", "total_cost")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The variance that still agrees: a share of the invoice, or an amount in pico-units."""

    share: Fraction = Fraction(0)
    amount: int = 0


DEFAULT_THRESHOLD: Final = Threshold(share=Fraction(1, 100))


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """A provider, or a day or model of it: both sides in pico-units of the reporting currency."""

    provider: str
    key: str | None
    """The day or model; None for the whole provider."""
    invoiced: int | None
    """The invoiced amount; None without an invoice."""
    ledger: int
    """What the provider asks for the calls, by the ledger: their contracted cost."""
    markups: int
    """What teams are charged for the calls beyond that; it is not compared."""
    fees: int
    booked: int
    """The variances that were accepted and booked before."""
    requests: int
    unpriced_requests: int
    unpriced: int
    """The estimated cost of calls without a price."""
    cancelled: int
    """The cost of cancelled and failed calls in the ledger."""
    rounding: int
    """The largest difference that rounding of the invoice lines can make."""

    @property
    def variance(self) -> int | None:
        """The invoice less the ledger, fees and booked variances; None without an invoice."""
        return None if self.invoiced is None else self.invoiced - self.ledger - self.fees - self.booked

    @property
    def share(self) -> Fraction | None:
        """The variance as a share of the invoice; None without an invoice or if its amount is zero."""
        return (
            Fraction(self.variance, abs(self.invoiced))
            if self.variance is not None and self.invoiced
            else None
        )

    @property
    def explained(self) -> int:
        """The part of the variance that unpriced calls, cancelled calls and rounding explain."""
        variance = self.variance or 0
        explainable = self.unpriced + self.rounding if variance > 0 else self.cancelled + self.rounding
        return min(abs(variance), explainable) * (1 if variance >= 0 else -1)

    @property
    def unexplained(self) -> int:
        """The rest of the variance."""
        return (self.variance or 0) - self.explained

    def agrees(self, threshold: Threshold) -> bool:
        """True if the variance is within the threshold, or within rounding."""
        if self.variance is None or self.invoiced is None:
            return False
        most = max(abs(self.invoiced) * threshold.share, Fraction(threshold.amount), Fraction(self.rounding))
        return abs(self.variance) <= most


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The comparison of a month."""

    month: Month
    currency: str
    by: GroupBy
    threshold: Threshold
    rows: tuple[ReconciliationRow, ...]
    unconverted: tuple[str, ...] = ()
    """Why some amounts are left out or doubtful."""

    def total(self, name: str) -> int:
        """The sum of a field over all rows that have an invoice."""
        return sum(getattr(row, name) or 0 for row in self.rows if row.invoiced is not None)


def read_group_by(text: str) -> GroupBy:
    """The grouping that a text names.

    Raises:
        QuestionError: there is no such grouping.
    """
    for by in GROUPINGS:
        if by == text:
            return by
    raise QuestionError("unknown_by", "by", f"by: there is no {text!r}; there are {', '.join(GROUPINGS)}")


def read_threshold(text: str | None) -> Threshold:
    """The threshold in a text, such as `1%` of the invoice or the amount `5`; the default without a text.

    Raises:
        QuestionError: the text is neither.
    """
    if text is None:
        return DEFAULT_THRESHOLD
    is_percent = text.strip().endswith("%")
    try:
        number = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation as error:
        message = f"threshold: {text!r} is neither a percent such as 1% nor an amount such as 5"
        raise QuestionError("invalid_threshold", "threshold", message) from error
    if not number.is_finite() or number < 0 or (number and abs(number.adjusted()) > 15):  # noqa: PLR2004
        raise QuestionError("invalid_threshold", "threshold", f"threshold: {text!r} is not above 0")
    return Threshold(share=Fraction(number) / 100) if is_percent else Threshold(amount=money.pico_of(number))


def reconcile(
    ledger: Ledger,
    month: Month,
    by: GroupBy = "provider",
    *,
    provider: str | None = None,
    threshold: Threshold = DEFAULT_THRESHOLD,
) -> Reconciliation:
    """Compare the invoices of a UTC month with the ledger."""
    calendar = of_month(month)
    with ledger.reading() as connection:
        lines = read_lines(connection, *calendar.days)
        rates = read_rates(connection)
        charged = read_fees(connection)
        adjustments = periods.adjustments(connection)
    invoiced, counts, problems = _invoiced(ledger, lines, rates, by)
    used, unconverted = _ledger_sides(ledger, calendar, by)
    problems += unconverted
    problems += [
        f"invoices of {name} tell of some days twice, as a month and by day, or with and without an account "
        "or an invoice id: all of it is counted"
        for name in sorted(overlapping_providers(lines))
    ]
    fees: dict[Key, int] = {}
    booked: dict[Key, int] = {}
    if by == "provider":
        billed, unknown = _fees(ledger, charged, calendar, rates)
        problems += unknown
        fees = {(name, None): amount for name, amount in billed.items()}
        booked = _booked(adjustments, month)
    keys = sorted({*invoiced, *used, *fees}, key=lambda key: (key[0], key[1] or ""))
    rows = tuple(
        _reconciled(key, invoiced.get(key), used.get(key, _LedgerSide()), fees, booked, counts.get(key, 0))
        for key in keys
    )
    only = None if provider is None else provider_of(provider.lower())
    chosen = tuple(row for row in rows if only in (None, row.provider) and not _is_nothing(row))
    return Reconciliation(month, ledger.currency, by, threshold, chosen, tuple(problems))


Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class _LedgerSide:
    """The ledger's side of a row."""

    cost: int = 0
    markups: int = 0
    requests: int = 0
    unpriced_requests: int = 0
    unpriced: int = 0
    cancelled: int = 0


def _is_nothing(row: ReconciliationRow) -> bool:
    return row.invoiced is None and not (row.ledger or row.fees or row.unpriced_requests)


def _reconciled(
    key: Key,
    invoiced: int | None,
    side: _LedgerSide,
    fees: Mapping[Key, int],
    booked: Mapping[Key, int],
    lines: int,
) -> ReconciliationRow:
    return ReconciliationRow(
        *key,
        invoiced=invoiced,
        ledger=side.cost,
        markups=side.markups,
        fees=fees.get(key, 0),
        booked=booked.get(key, 0),
        requests=side.requests,
        unpriced_requests=side.unpriced_requests,
        unpriced=side.unpriced,
        cancelled=side.cancelled,
        rounding=lines * _HALF_CENT,
    )


def _invoiced(
    ledger: Ledger, lines: Iterable[InvoiceLine], rates: Rates, by: GroupBy
) -> tuple[dict[Key, int], dict[Key, int], list[str]]:
    """The invoiced amount and the number of lines of each key, and why some lines are left out."""
    sums: dict[Key, Fraction] = {}
    counts: dict[Key, int] = {}
    problems: dict[str, None] = {}
    for line in lines:
        key = (line.provider, _key_of(line, by))
        if by != "provider" and key[1] is None:
            which = "days" if by == "day" else "models"
            problem = f"lines of {line.provider} that are not told by {by} are of several {which}"
            problems[f"{problem}: compare by provider"] = None
            continue
        try:
            rate = rates.find(line.currency, ledger.currency, line.first_day).rate
        except NoRate as error:
            problems[str(error)] = None
            continue
        sums[key] = sums.get(key, Fraction(0)) + line.amount * rate
        counts[key] = counts.get(key, 0) + 1
    whole = {key: divide_half_even(amount.numerator, amount.denominator) for key, amount in sums.items()}
    return whole, counts, list(problems)


def _key_of(line: InvoiceLine, by: GroupBy) -> str | None:
    """The day or model of a line; None by provider, or if the line is of several days or models."""
    if by == "model":
        return line.model
    is_one_day = line.end_day == line.first_day + 1
    return str(date_of(line.first_day)) if by == "day" and is_one_day else None


def _fees(
    ledger: Ledger, charged: Iterable[Fee], calendar: Calendar, rates: Rates
) -> tuple[dict[str, int], list[str]]:
    """The fees billed for each provider in a month of the reporting zone, at whose midnights fees start."""
    sums: dict[str, int] = {}
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
            sums[name] = sums.get(name, 0) + divide_half_even(amount.numerator, amount.denominator)
    return sums, problems


def _booked(adjustments: Iterable[periods.Adjustment], month: Month) -> dict[Key, int]:
    """The variances of a month that were accepted and booked, by provider."""
    sums: dict[Key, int] = {}
    for adjustment in adjustments:
        if adjustment.cause == "reconciliation" and adjustment.about == str(month) and adjustment.provider:
            key = (adjustment.provider, None)
            sums[key] = sums.get(key, 0) + adjustment.amount
    return sums


def _ledger_sides(
    ledger: Ledger, calendar: Calendar, by: GroupBy
) -> tuple[dict[Key, _LedgerSide], list[str]]:
    """The ledger's side of each key, with providers named as in price lists, and why calls are left out."""
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
    groups: dict[Key, list[tuple[str, str, Sequence[Any]]]] = {}
    for row in rows:
        key = (provider_of(str(row.key[0])), str(row.key[1])[:10] if by == "day" else None)
        if by == "model":
            key = (key[0], str(row.key[1]))
        groups.setdefault(key, []).append((str(row.key[-2]), str(row.key[-1]), row.values))
    others = [row for row in (result.totals, *result.other_currencies) if row.currency != ledger.currency]
    why = result.no_rate or "no exchange rates are known"
    problems = [
        f"calls of {money.plain(_pico(row.values[0]))} {row.currency}: {why}"
        for row in others
        if row.values[0]
    ]
    return {key: _ledger_side(group) for key, group in groups.items()}, problems


def _ledger_side(rows: Sequence[tuple[str, str, Sequence[Any]]]) -> _LedgerSide:
    cost = sum(_pico(values[0]) for _, _, values in rows)
    tokens = {
        is_unpriced: sum(
            int(values[3]) for _, source, values in rows if (source == "unpriced") is is_unpriced
        )
        for is_unpriced in (True, False)
    }
    estimate = divide_half_even(cost * tokens[True], tokens[False]) if tokens[False] and cost > 0 else 0
    return _LedgerSide(
        cost=cost,
        markups=sum(_pico(values[4]) - _pico(values[0]) for _, _, values in rows),
        requests=sum(int(values[1]) for _, _, values in rows),
        unpriced_requests=sum(int(values[2]) for _, _, values in rows),
        unpriced=estimate,
        cancelled=sum(_pico(values[0]) for status, _, values in rows if status != "success"),
    )


def _pico(amount: object) -> int:
    return money.pico_of(amount) if isinstance(amount, Decimal) else 0


def as_json(reconciliation: Reconciliation) -> dict[str, Any]:
    """The comparison as JSON outputs give it."""
    names = ("invoiced", "ledger", "markups", "fees", "booked", "variance", "explained", "unexplained")
    return {
        "period": str(reconciliation.month),
        "currency": reconciliation.currency,
        "by": reconciliation.by,
        "threshold": {
            "share": f"{float(reconciliation.threshold.share):.4f}",
            "amount": money.plain(reconciliation.threshold.amount),
        },
        "rows": [_row_as_json(reconciliation, row) for row in reconciliation.rows],
        "totals": {name: money.plain(reconciliation.total(name)) for name in names},
        "unconverted": list(reconciliation.unconverted),
    }


def _row_as_json(reconciliation: Reconciliation, row: ReconciliationRow) -> dict[str, Any]:
    key: dict[str, Any] = {} if reconciliation.by == "provider" else {reconciliation.by: row.key}
    has_invoice = row.invoiced is not None
    return {
        "provider": row.provider,
        **key,
        "invoiced": money.plain(row.invoiced) if row.invoiced is not None else None,
        "ledger": money.plain(row.ledger),
        "markups": money.plain(row.markups),
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
            "markups": money.plain(row.markups),
            "fees": money.plain(row.fees),
        },
        "requests": row.requests,
        "unpriced_requests": row.unpriced_requests,
        "agrees": row.agrees(reconciliation.threshold),
    }


CSV_COLUMNS: Final = (
    "period",
    "provider",
    "key",
    "currency",
    "invoiced",
    "ledger",
    "markups",
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


def csv_rows(reconciliation: Reconciliation) -> Iterable[list[Any]]:
    """The rows of the CSV, in the order of `CSV_COLUMNS`."""
    for row in reconciliation.rows:
        facts = _row_as_json(reconciliation, row) | {
            "period": str(reconciliation.month),
            "currency": reconciliation.currency,
            "key": row.key,
        }
        yield [facts[name] for name in CSV_COLUMNS]


def unreconciled(ledger: Ledger, month: Month) -> tuple[ReconciliationRow, ...]:
    """The providers of a month whose invoice is missing or does not agree with the ledger."""
    reconciliation = reconcile(ledger, month)
    return tuple(
        row
        for row in reconciliation.rows
        if (row.ledger or row.invoiced) and not row.agrees(reconciliation.threshold)
    )
