"""The runner: one place where questions are answered. It reads, decodes, adds up, fills empty time and sorts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.exchange_rates.store import is_known, read_rates
from dashboard.query import buckets, catalogue, labels
from dashboard.query.apportion import WHOLE, Group, Key, Portion, Whole, together
from dashboard.query.catalogue import Value
from dashboard.query.question import REPORTING, QuestionError, SpendQuery
from dashboard.query.rewrite import rewrite
from dashboard.query.row_access import limited
from dashboard.query.sql.compile import Compiled, asks_owners, compile_query
from dashboard.query.sql.filters import has_assignments
from dashboard.query.sql.measures import SMALL
from dashboard.query.sums import Sums
from ingest.ledger.engine import Ledger
from ingest.ledger.histogram import Histogram, pack_text, parse
from ingest.ledger.rollups import join_sum
from ingest.ledger.tables.calls import LATENCY_HISTOGRAMS
from ingest.model.zone import Zone
from ingest.pricing.charge import MONEY

Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Row:
    """One line of an answer: the values of the dimensions and of the metrics, in the order they were asked."""

    key: Key
    values: tuple[Value, ...]
    currency: str


@dataclass(frozen=True)
class Totals:
    """The metrics over everything, of one currency where money is among them."""

    currency: str
    values: tuple[Value, ...]
    histograms: Mapping[str, Histogram] = field(default_factory=dict, compare=False, repr=False)
    """What percentiles were read from, by measure, where percentiles were asked for."""


@dataclass(frozen=True)
class Result:
    """The answer to a question."""

    query: SpendQuery
    rows: tuple[Row, ...]
    totals: Totals
    other_currencies: tuple[Totals, ...]
    """Totals of the currencies that are not in `totals`; sums never mix currencies."""
    requests: int
    """Calls of all currencies."""
    unpriced_requests: int
    """Those of them without a price."""
    converted: tuple[Totals, ...] = ()
    """Totals of calls in other currencies as they were paid; `totals` holds what they are worth."""
    is_apportioned: bool = False
    """Whether numbers are rounded parts, which add up to the total here and may differ by a unit in an answer by other dimensions."""
    no_rate: str | None = None
    """Why amounts were not converted to the currency asked for, where that was left open."""
    comparison: "Result | None" = None

    @property
    def has_money(self) -> bool:
        """Whether the answer holds amounts of money, and so names a currency."""
        return any(catalogue.METRICS[metric].is_money for metric in self.query.metrics)

    @property
    def buckets(self) -> list[str]:
        """Every time bucket of the period, as rows name it; none for a question without time."""
        return _bucket_texts(self.query)

    def total(self, metric: str) -> Value:
        """The total of one metric that was asked for."""
        return self.totals.values[self.query.metrics.index(metric)]


class _Dated(NamedTuple):
    """A portion, and the day of its calls where they are to be converted."""

    portion: Portion
    day: int | None


def run(ledger: Ledger, query: SpendQuery) -> Result:
    """Answer a question.

    Raises:
        QuestionError: it cannot be answered as asked.
    """
    query = rewrite(replace(query, filters=limited(query.filters)))
    with ledger.reading() as connection:
        rates = _rates(connection, query)
        may_fail = query.currency == REPORTING
        query = replace(query, currency=_target(query, ledger.currency) if rates else None)
        by_share = asks_owners(query) and has_assignments(connection)
        compiled = compile_query(query, ledger.zone, ledger.keyring, by_share=by_share)
        rows = connection.execute(compiled.select).all()
        portions = list(_portions(connection, query, compiled, rows, ledger.currency))
    if query.currency is None or rates is None:
        result = _result(query, together([one.portion for one in portions]), ledger.currency)
    else:
        result = _converted(query, query.currency, portions, rates, may_fail=may_fail)
    if query.comparison is None:
        return result
    before = replace(query, period=query.comparison, comparison=None)
    return replace(result, comparison=run(ledger, before))


def _rates(connection: sa.Connection, query: SpendQuery) -> Rates | None:
    """The exchange rates, for an answer in one currency; None where that is not asked for, or cannot be and need not."""
    if query.currency is None or (query.currency == REPORTING and not is_known(connection)):
        return None
    return read_rates(connection)


def _target(query: SpendQuery, reporting: str) -> str | None:
    """The currency of the answer."""
    return reporting if query.currency == REPORTING else query.currency


def _converted(
    query: SpendQuery, currency: str, portions: Sequence[_Dated], rates: Rates, *, may_fail: bool
) -> Result:
    """The answer in one currency, and beside it what was paid in each of the others."""
    plain = [one.portion for one in portions]
    try:
        worth = [_worth(one, currency, rates) for one in portions]
    except NoRate as error:
        if not may_fail:
            raise QuestionError("no_rate", "currency", f"currency: {error}") from error
        result = _result(replace(query, currency=None), together(plain), currency)
        return replace(result, no_rate=str(error))
    paid = together(plain)
    originals = tuple(
        _totals(query, other, paid.totals[other], paid.scale)
        for other in sorted(paid.totals)
        if other != currency
    )
    return replace(_result(query, together(worth), currency), converted=originals)


def _worth(one: _Dated, currency: str, rates: Rates) -> Portion:
    """A portion in another currency, by the rate of its day. What holds no money needs no rate."""
    portion = one.portion
    has_money = any(number for name, number in portion.sums.numbers.items() if name in MONEY)
    if portion.currency == currency or one.day is None or not has_money:
        return replace(portion, currency=currency)
    return replace(portion, currency=currency, rate=rates.find(portion.currency, currency, one.day).rate)


def _portions(
    connection: sa.Connection, query: SpendQuery, compiled: Compiled, rows: Sequence[Any], reporting: str
) -> Iterator[_Dated]:
    """What the database found, decoded. Groups without a single call are left out."""
    at = {name: place for place, name in enumerate(compiled.columns)}
    keys, before_sums = len(query.dimensions), len(compiled.columns)
    decoders = [_decoder(connection, query, key, {row[at[key]] for row in rows}) for key in query.dimensions]
    currencies = labels.terms(connection, {row[at["currency"]] for row in rows}) if "currency" in at else {}
    for row in rows:
        sums = _read_sums(compiled.measures, row[before_sums:])
        if sums["requests"]:
            key = tuple(decode(value) for decode, value in zip(decoders, row[:keys], strict=True))
            currency = currencies[row[at["currency"]]] if "currency" in at else None
            share = Fraction(row[at["parts"]], row[at["whole"]]) if "parts" in at else WHOLE
            day = row[at["rate_day"]] if "rate_day" in at else None
            yield _Dated(Portion(key, currency or reporting, sums, share), day)


def _decoder(connection: sa.Connection, query: SpendQuery, key: str, ids: Iterable[Any]) -> Decode:
    """From a column's value to the value that answers give."""
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "time":
            interval, zone = query.interval or "day", Zone(query.zone)
            return lambda bucket: buckets.text(int(bucket), interval, zone)
        case "term" | "place":
            return labels.terms(connection, ids).__getitem__
        case "person" | "owner" if query.by_entry:
            return lambda entry_id: None if entry_id is None else str(entry_id)
        case "person" | "owner":
            return labels.people(connection, ids).__getitem__
        case "flag":
            return lambda flag: None if flag is None else bool(flag)
        case _:
            return lambda value: value


def _read_sums(measures: Iterable[str], columns: Sequence[Any]) -> Sums:
    numbers: dict[str, int] = {}
    histograms: dict[str, Histogram] = {}
    at = iter(columns)
    for measure in measures:
        if measure in LATENCY_HISTOGRAMS:
            histograms[measure] = _read_histogram(next(at), next(at))
        elif measure in SMALL:
            numbers[measure] = int(next(at) or 0)
        else:
            numbers[measure] = join_sum(next(at) or 0, next(at) or 0)
    return Sums(numbers, histograms)


def _read_histogram(joined: str | None, raw: str | None) -> Histogram:
    """The histogram of rollups and the latencies of events together."""
    texts = [text for text in (joined, pack_text(raw)) if text]
    return parse(",".join(texts))


def _result(query: SpendQuery, whole: Whole, reporting: str) -> Result:
    main = _main_currency(whole.totals, reporting)
    totals = {
        currency: _totals(query, currency, sums, whole.scale) for currency, sums in whole.totals.items()
    }
    return Result(
        query=query,
        rows=tuple(_sorted(query, _filled(query, whole.groups, main))[: query.limit]),
        totals=totals.pop(main, _totals(query, main, Sums())),
        other_currencies=tuple(totals[currency] for currency in sorted(totals)),
        requests=sum(sums["requests"] for sums in whole.totals.values()),
        unpriced_requests=sum(sums["unpriced_requests"] for sums in whole.totals.values()),
        is_apportioned=whole.is_apportioned,
    )


def _main_currency(held: Mapping[str, Sums], reporting: str) -> str:
    """The reporting currency where some call is in it, else that of most calls."""
    if reporting in held or not held:
        return reporting
    return max(sorted(held), key=lambda one: held[one]["requests"])


def _totals(query: SpendQuery, currency: str, sums: Sums, scale: int = 1) -> Totals:
    histograms = {name: held.divided(scale) for name, held in sums.histograms.items()}
    return Totals(currency, _values(query, sums), histograms)


def _values(query: SpendQuery, sums: Sums) -> tuple[Value, ...]:
    return tuple(catalogue.METRICS[metric].value(sums) for metric in query.metrics)


def _filled(query: SpendQuery, groups: Iterable[Group], currency: str) -> list[Row]:
    """The rows, and one of nothing for each empty bucket where time alone is asked, or for no dimension at all."""
    rows = [Row(group.key, _values(query, group.sums), group.currency) for group in groups]
    held = {row.key for row in rows}
    expected: list[Key] = []
    if query.dimensions == ("time",):
        expected = [(bucket,) for bucket in _bucket_texts(query)]
    elif not query.dimensions and not rows:
        expected = [()]
    nothing = _values(query, Sums())
    return rows + [Row(key, nothing, currency) for key in expected if key not in held]


def _bucket_texts(query: SpendQuery) -> list[str]:
    if query.interval is None:
        return []
    zone = Zone(query.zone)
    return [
        buckets.text(bucket, query.interval, zone)
        for bucket in buckets.within(query.period, query.interval, zone)
    ]


_AFTER_ALL: Final = "\U0010ffff"


def _sorted(query: SpendQuery, rows: list[Row]) -> list[Row]:
    """Rows in the order the question wants; equals by their dimensions, what is unknown last."""
    rows.sort(
        key=lambda row: (*(_AFTER_ALL if part is None else str(part) for part in row.key), row.currency)
    )
    times = _positions(query)
    for column in reversed(query.order):
        name = column.removeprefix("-")
        descending = column != name
        if name == "time":
            at = query.dimensions.index("time")
            rows.sort(key=lambda row: times.get(str(row.key[at]), 0), reverse=descending)
        elif name in query.metrics:
            rows.sort(key=_by_metric(query.metrics.index(name), descending=descending))
    return rows


def _positions(query: SpendQuery) -> Mapping[str, int]:
    """The place of each bucket in time: in the hour that a clock shows twice, texts do not sort."""
    return {bucket: place for place, bucket in enumerate(_bucket_texts(query))}


def _by_metric(at: int, *, descending: bool) -> Callable[[Row], tuple[bool, Any]]:
    def sort_key(row: Row) -> tuple[bool, Any]:
        value = row.values[at]
        if value is None:
            return True, 0
        return False, -value if descending else value

    return sort_key
