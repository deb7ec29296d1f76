"""Writing exchange rates to the ledger: a table of rates, or the rate of a day. Changes are audited."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.exchange_rates import tables
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes, insert_quotes, new_quotes, newest_number
from ingest.ledger import audit
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.prepared import prepared_write
from ingest.model.invalid import Invalid
from ingest.model.zone import date_of
from ingest.parse.currency import known_currency
from ingest.parse.dates import read_day


class RateRefused(Invalid):
    """The rate of a day is invalid; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRateOptions:
    """The rate of a day, as text: one unit of `base` is worth `rate` units of `quote`."""

    base: str
    quote: str
    rate: str
    date: str


def import_rates(ledger: Ledger, quotes: Sequence[Quote], file: str, *, by: str, at: int) -> int:
    """Add the new or changed rates of a file; returns their number."""

    def prepare(connection: Connection) -> list[Quote]:
        return new_quotes(connection, quotes)

    with prepared_write(ledger, prepare, newest_number) as (connection, added):
        new = insert_quotes(connection, added)
        if new:
            detail = {"rates": new, "file": file}
            audit.note(
                connection, audit.Entry(at=at, by=by, action="rates import", subject=file, detail=detail)
            )
    return new


def set_rate(ledger: Ledger, options: SetRateOptions, *, by: str, at: int) -> Quote:
    """Add the rate of a day; nothing is written if the current rate is the same.

    Raises:
        RateRefused: an option is invalid.
    """
    quote = _quote(options, by=by, at=at)
    with ledger.writing() as connection:
        if add_quotes(connection, [quote]):
            detail = {"rate": f"{quote.rate:f}", "day": str(date_of(quote.day))}
            subject = f"{quote.base}/{quote.quote}"
            audit.note(
                connection, audit.Entry(at=at, by=by, action="rates set", subject=subject, detail=detail)
            )
    return quote


def _quote(options: SetRateOptions, *, by: str, at: int) -> Quote:
    day, rate = read_day(options.date), tables.read_rate(options.rate)
    base, quote = known_currency(options.base), known_currency(options.quote)
    if day is None:
        raise RateRefused("invalid_date", f"{options.date!r} is no date; write one as 2026-11-20", "date")
    if rate is None:
        message = f"{options.rate!r} is no rate; write a number above 0, such as 1.0825"
        raise RateRefused("invalid_rate", message, "rate")
    if base is None or quote is None:
        field, text = ("base", options.base) if base is None else ("quote", options.quote)
        message = f"{text!r} is no currency of ISO 4217; BASE and QUOTE are codes such as USD and EUR"
        raise RateRefused("unknown_currency", message, field)
    if base == quote:
        raise RateRefused("same_currency", "a currency has no rate to itself", "quote")
    return Quote(base=base, quote=quote, day=day, rate=rate, source="set", recorded_at=at, recorded_by=by)
