"""Answering questions: rows are read, decoded, added up, filled with empty buckets and sorted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.exchange_rates.store import is_known, read_rates
from dashboard.query import buckets, catalogue, labels
from dashboard.query.apportion import (
    WHOLE,
    ExactRow,
    Group,
    GroupsAndTotals,
    Key,
    Portion,
    exact_rows,
    groups_and_totals,
)
from dashboard.query.catalogue import Value
from dashboard.query.question import REPORTING, QuestionError, SpendQuery
from dashboard.query.rewrite import rewrite
from dashboard.query.row_access import with_access_filters
from dashboard.query.sql.compile import Compiled, asks_owners, compile_query
from dashboard.query.sql.filters import has_assignments
from dashboard.query.sql.measures import SMALL, is_histogram
from dashboard.query.sums import MONEY_MEASURES, Sums
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.histogram import Histogram, pack_text, parse
from ingest.ledger.rollups import join_sum
from ingest.model.zone import Zone
from ingest.timing import timed

Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Row:
    """A row of an answer: the values of the dimensions and of the metrics, in the order of the question."""

    key: Key
    values: tuple[Value, ...]
    currency: str


@dataclass(frozen=True)
class Totals:
    """The metrics of all calls; if there is money among them, of all calls of one currency."""

    currency: str
    values: tuple[Value, ...]
    histograms: Mapping[str, Histogram] = field(default_factory=dict, compare=False, repr=False)
    """The histograms of percentiles, by measure; empty if the question asks for no percentile."""


@dataclass(frozen=True)
class Result:
    """The answer to a question."""

    query: SpendQuery
    rows: tuple[Row, ...]
    totals: Totals
    other_currencies: tuple[Totals, ...]
    """The totals of the other currencies; sums never mix currencies."""
    requests: int
    """The calls of all currencies."""
    unpriced_requests: int
    """The calls without a price."""
    converted: tuple[Totals, ...] = ()
    """The totals of the other currencies as they were paid; in `totals` they are converted."""
    is_apportioned: bool = False
    """Whether numbers are rounded parts: they add up to the total here, and may differ by a unit in an answer
    by other dimensions."""
    no_rate: str | None = None
    """Why amounts were left as they were paid; None if they were converted, or were not to be."""
    comparison: "Result | None" = None

    @property
    def has_money(self) -> bool:
        """Whether the answer has amounts of money, and so a currency."""
        return any(catalogue.METRICS[metric].is_money for metric in self.query.metrics)

    @property
    def buckets(self) -> list[str]:
        """The text of every time bucket of the period; none for a question without time."""
        return _bucket_texts(self.query)

    def total(self, metric: str) -> Value:
        """The total of a metric of the question."""
        return self.totals.values[self.query.metrics.index(metric)]


class _DatedPortion(NamedTuple):
    """A portion, and the day of its calls if they are to be converted."""

    portion: Portion
    day: int | None


@timed("question")
def run(ledger: Ledger, query: SpendQuery) -> Result:
    """Answer a question.

    Raises:
        QuestionError: the question is invalid, or a rate for its currency is missing.
    """
    may_lack_rates = query.currency == REPORTING
    query, portions, rates = _read(ledger, query)
    if query.currency is None or rates is None:
        result = _result(query, groups_and_totals([dated.portion for dated in portions]), ledger.currency)
    else:
        result = _converted_result(query, query.currency, portions, rates, may_lack_rates=may_lack_rates)
    if query.comparison is None:
        return result
    comparison = replace(query, period=query.comparison, comparison=None)
    return replace(result, comparison=run(ledger, comparison))


@dataclass(frozen=True)
class ExactAnswer:
    """The sums of a question's rows as fractions: shared and converted calls are not rounded."""

    rows: tuple[ExactRow, ...]
    no_rate: str | None = None
    """Why amounts were left as they were paid; None if they were converted, or were not to be."""


def run_exactly(ledger: Ledger, query: SpendQuery) -> ExactAnswer:
    """The sums of a question's measures by row, as fractions, for callers that round them elsewhere.

    Raises:
        QuestionError: the question is invalid.
    """
    query, dated_portions, rates = _read(ledger, query)
    portions = [dated.portion for dated in dated_portions]
    if query.currency is None or rates is None:
        return ExactAnswer(exact_rows(portions))
    try:
        return ExactAnswer(exact_rows([_converted(dated, query.currency, rates) for dated in dated_portions]))
    except NoRate as error:
        return ExactAnswer(exact_rows(portions), str(error))


def _read(ledger: Ledger, query: SpendQuery) -> tuple[SpendQuery, list[_DatedPortion], Rates | None]:
    """The complete question, its rows as the database returns them, and the rates to convert them with."""
    query = rewrite(replace(query, filters=with_access_filters(query.filters)))
    with ledger.reading() as connection:
        rates = _rates(connection, query)
        query = replace(query, currency=_target(query, ledger.currency) if rates else None)
        by_share = asks_owners(query) and has_assignments(connection)
        compiled = compile_query(query, ledger.zone, ledger.keyring, by_share=by_share)
        rows = connection.execute(compiled.select).all()
        return query, list(_portions(connection, query, compiled, rows, ledger.currency)), rates


def _rates(connection: Connection, query: SpendQuery) -> Rates | None:
    """The exchange rates; None without conversion, or if it is optional and the ledger has no rates."""
    if query.currency is None or (query.currency == REPORTING and not is_known(connection)):
        return None
    return read_rates(connection)


def _target(query: SpendQuery, reporting: str) -> str | None:
    """The code of the currency of the answer."""
    return reporting if query.currency == REPORTING else query.currency


def _converted_result(
    query: SpendQuery, currency: str, portions: Sequence[_DatedPortion], rates: Rates, *, may_lack_rates: bool
) -> Result:
    """The answer in one currency, with the totals of the other currencies as they were paid."""
    paid_portions = [dated.portion for dated in portions]
    try:
        converted_portions = [_converted(dated, currency, rates) for dated in portions]
    except NoRate as error:
        if not may_lack_rates:
            raise QuestionError("no_rate", "currency", f"currency: {error}") from error
        result = _result(replace(query, currency=None), groups_and_totals(paid_portions), currency)
        return replace(result, no_rate=str(error))
    paid = groups_and_totals(paid_portions)
    paid_totals = tuple(
        _totals(query, other, paid.totals[other], paid.scale)
        for other in sorted(paid.totals)
        if other != currency
    )
    return replace(_result(query, groups_and_totals(converted_portions), currency), converted=paid_totals)


def _converted(dated: _DatedPortion, currency: str, rates: Rates) -> Portion:
    """A portion in another currency, by the rate of its day. A portion without money needs no rate."""
    portion = dated.portion
    has_money = any(number for name, number in portion.sums.numbers.items() if name in MONEY_MEASURES)
    if portion.currency == currency or dated.day is None or not has_money:
        return replace(portion, currency=currency)
    return replace(portion, currency=currency, rate=rates.find(portion.currency, currency, dated.day).rate)


def _portions(
    connection: Connection, query: SpendQuery, compiled: Compiled, rows: Sequence[Any], reporting: str
) -> Iterator[_DatedPortion]:
    """The rows of the database, decoded. Groups without calls are left out."""
    at = {name: index for index, name in enumerate(compiled.columns)}
    keys, before_sums = len(query.dimensions), len(compiled.columns)
    decoders = [_decoder(connection, query, key, {row[at[key]] for row in rows}) for key in query.dimensions]
    currencies = (
        labels.term_texts(connection, {row[at["currency"]] for row in rows}) if "currency" in at else {}
    )
    for row in rows:
        sums = _read_sums(compiled.measures, row[before_sums:])
        if sums["requests"]:
            key = tuple(decode(value) for decode, value in zip(decoders, row[:keys], strict=True))
            currency = currencies[row[at["currency"]]] if "currency" in at else None
            share = Fraction(row[at["parts"]], row[at["whole"]]) if "parts" in at else WHOLE
            day = row[at["rate_day"]] if "rate_day" in at else None
            yield _DatedPortion(Portion(key, currency or reporting, sums, share), day)


def _decoder(connection: Connection, query: SpendQuery, key: str, ids: Iterable[Any]) -> Decode:
    """A function from the value of a column to the value in the answer."""
    match catalogue.kind_of(key):
        case "time":
            interval, zone = query.interval or "day", Zone(query.zone)
            return lambda bucket: buckets.text(int(bucket), interval, zone)
        case "term" | "event_term" | "codes" | "place":
            return labels.term_texts(connection, ids).__getitem__
        case "person" | "owner" if query.by_entry:
            return lambda entry_id: None if entry_id is None else str(entry_id)
        case "person" | "owner":
            return labels.entry_names(connection, ids).__getitem__
        case "flag":
            return lambda flag: None if flag is None else bool(flag)
        case _:
            return lambda value: value


def _read_sums(measures: Iterable[str], columns: Sequence[Any]) -> Sums:
    numbers: dict[str, int] = {}
    histograms: dict[str, Histogram] = {}
    at = iter(columns)
    for measure in measures:
        if is_histogram(measure):
            histograms[measure] = _read_histogram(next(at), next(at))
        elif measure in SMALL:
            numbers[measure] = int(next(at) or 0)
        else:
            numbers[measure] = join_sum(next(at) or 0, next(at) or 0)
    return Sums(numbers, histograms)


def _read_histogram(joined: str | None, raw: str | None) -> Histogram:
    """The histogram of both the rollups and the latencies of single events."""
    texts = [text for text in (joined, pack_text(raw)) if text]
    return parse(",".join(texts))


def _result(query: SpendQuery, answer: GroupsAndTotals, reporting: str) -> Result:
    main = _main_currency(answer.totals, reporting)
    totals = {
        currency: _totals(query, currency, sums, answer.scale) for currency, sums in answer.totals.items()
    }
    return Result(
        query=query,
        rows=tuple(_sorted(query, _filled(query, answer.groups, main))[: query.limit]),
        totals=totals.pop(main, _totals(query, main, Sums())),
        other_currencies=tuple(totals[currency] for currency in sorted(totals)),
        requests=sum(sums["requests"] for sums in answer.totals.values()),
        unpriced_requests=sum(sums["unpriced_requests"] for sums in answer.totals.values()),
        is_apportioned=answer.is_apportioned,
    )


def _main_currency(totals: Mapping[str, Sums], reporting: str) -> str:
    """The reporting currency if any call was paid in it, else the currency of most calls."""
    if reporting in totals or not totals:
        return reporting
    return max(sorted(totals), key=lambda currency: totals[currency]["requests"])


def _totals(query: SpendQuery, currency: str, sums: Sums, scale: int = 1) -> Totals:
    histograms = {name: histogram.divided(scale) for name, histogram in sums.histograms.items()}
    return Totals(currency, _values(query, sums), histograms)


def _values(query: SpendQuery, sums: Sums) -> tuple[Value, ...]:
    return tuple(catalogue.METRICS[metric].value(sums) for metric in query.metrics)


def _filled(query: SpendQuery, groups: Iterable[Group], currency: str) -> list[Row]:
    """The rows, and empty rows where nothing was called.

    A question by time alone gets an empty row for each bucket without calls. A question without dimensions
    gets one empty row if there are no calls at all.
    """
    rows = [Row(group.key, _values(query, group.sums), group.currency) for group in groups]
    filled = {row.key for row in rows}
    expected: list[Key] = []
    if query.dimensions == ("time",):
        expected = [(bucket,) for bucket in _bucket_texts(query)]
    elif not query.dimensions and not rows:
        expected = [()]
    empty = _values(query, Sums())
    return rows + [Row(key, empty, currency) for key in expected if key not in filled]


def _bucket_texts(query: SpendQuery) -> list[str]:
    if query.interval is None:
        return []
    zone = Zone(query.zone)
    return [
        buckets.text(bucket, query.interval, zone)
        for bucket in buckets.in_period(query.period, query.interval, zone)
    ]


_AFTER_ALL: Final = "\U0010ffff"


def _sorted(query: SpendQuery, rows: list[Row]) -> list[Row]:
    """The rows in the order of the question; equal rows by their dimensions, unknown values last."""
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
    """The position of each bucket in time. Texts do not sort: an hour comes twice when summer time ends."""
    return {bucket: position for position, bucket in enumerate(_bucket_texts(query))}


def _by_metric(at: int, *, descending: bool) -> Callable[[Row], tuple[bool, Any]]:
    def sort_key(row: Row) -> tuple[bool, Any]:
        value = row.values[at]
        if value is None:
            return True, 0
        return False, -value if descending else value

    return sort_key
