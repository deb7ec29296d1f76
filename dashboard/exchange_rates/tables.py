"""Files with exchange rates: the European Central Bank's formats, and CSV of date, base, quote and rate.

The bank's history (`eurofxref-hist.csv`) has a column for each currency and a line for each day; its file of
one day (`eurofxref.csv`) writes the day as `20 November 2026`. Both quote one euro, leave `N/A` where there
is no rate, and come zipped. Its statistical portal writes a line for each rate with `TIME_PERIOD`,
`CURRENCY`, `CURRENCY_DENOM` and `OBS_VALUE`.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from dashboard.exchange_rates.model import Quote
from ingest.parse.currency import known_currency
from ingest.parse.dates import read_day

_EURO: Final = "EUR"
_NO_RATE: Final = ("", "N/A", "-")
_MOST_BYTES: Final = 64 * 1024 * 1024
_PLAIN: Final = ("date", "base", "quote", "rate")
_PORTAL: Final = {"date": "TIME_PERIOD", "base": "CURRENCY_DENOM", "quote": "CURRENCY", "rate": "OBS_VALUE"}
ECB: Final = "ecb"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line is rejected; line 0 is the whole file."""

    line: int
    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        what = f"{self.field} {self.value!r}: " if self.field else ""
        return f"{where}{what}{self.reason}"


class NoRates(ValueError):
    """The file is no table of rates."""


def read(path: Path, recorded_at: int, recorded_by: str) -> tuple[list[Quote], list[Problem]]:
    """The rates of a file, and the rejected lines.

    Raises:
        NoRates: the file is no table of rates.
        OSError: the file cannot be read.
    """
    try:
        return _read(_read_text(path), recorded_at, recorded_by)
    except csv.Error as error:
        raise NoRates(f"{path} is no CSV: {error}") from error


def _read(text: str, recorded_at: int, recorded_by: str) -> tuple[list[Quote], list[Problem]]:
    lines = csv.reader(io.StringIO(text))
    heading = [cell.strip() for cell in next(lines, [])]
    if not _is_known(heading):
        raise NoRates(
            "this is no table of rates: "
            "its first line is neither the European Central Bank's nor date,base,quote,rate"
        )
    quotes: list[Quote] = []
    problems: list[Problem] = []
    for number, row in enumerate(lines, start=2):
        if not any(cell.strip() for cell in row):
            continue
        for result in _quotes_of_line(heading, row, number, recorded_at, recorded_by):
            (quotes if isinstance(result, Quote) else problems).append(result)  # type: ignore[arg-type]
    return quotes, problems


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise NoRates(f"{path} has more than {_MOST_BYTES // 2**20} MiB: no table of rates has")
    if data.startswith(b"PK"):
        data = _unzipped(path, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoRates(f"{path} is not UTF-8 text: export the table as CSV in UTF-8") from error


def _unzipped(path: Path, data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".csv")]
            if len(names) != 1:
                raise NoRates(f"{path} holds {len(names)} CSV files: take the one with the rates out of it")
            if names[0].file_size > _MOST_BYTES:
                raise NoRates(
                    f"{path} unpacks to more than {_MOST_BYTES // 2**20} MiB: no table of rates has"
                )
            return archive.read(names[0])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise NoRates(f"{path} is a damaged or locked archive") from error


def _quotes_of_line(
    heading: Sequence[str], row: Sequence[str], number: int, at: int, by: str
) -> Iterator[Quote | Problem]:
    cells = dict(zip(heading, (cell.strip() for cell in row), strict=False))
    lower_cells = {name.lower(): cell for name, cell in cells.items()}
    if set(_PLAIN) <= set(lower_cells):
        yield _quote(lower_cells, _PLAIN, number, lower_cells.get("source") or "file", at, by)
    elif set(_PORTAL.values()) <= set(cells):
        yield _quote(cells, [_PORTAL[name] for name in _PLAIN], number, ECB, at, by)
    else:
        for code, rate in cells.items():
            if code and code != "Date" and rate not in _NO_RATE:
                quote_cells = {"Date": cells["Date"], "base": _EURO, "quote": code, code: rate}
                yield _quote(quote_cells, ["Date", "base", "quote", code], number, ECB, at, by)


def _is_known(heading: Sequence[str]) -> bool:
    plain, portal = {name.lower() for name in heading}, set(heading)
    return set(_PLAIN) <= plain or set(_PORTAL.values()) <= portal or heading[:1] == ["Date"]


def _quote(
    cells: Mapping[str, str], names: Sequence[str], number: int, source: str, at: int, by: str
) -> Quote | Problem:
    on, base, quote, rate = (cells[name] for name in names)
    day = read_day(on)
    if day is None:
        return Problem(number, names[0], on, "is no date; write one as 2026-11-20")
    for name, code in ((names[1], base), (names[2], quote)):
        if known_currency(code) is None:
            return Problem(number, name, code, "is no currency; write its code, such as USD")
    worth = read_rate(rate)
    if worth is None:
        return Problem(
            number, names[3], rate, "is no rate; write a number above 0 with a point, such as 1.0825"
        )
    if base.upper() == quote.upper():
        return Problem(number, names[2], quote, "a currency has no rate to itself")
    return Quote(
        base=base.upper(),
        quote=quote.upper(),
        day=day,
        rate=worth,
        source=source,
        recorded_at=at,
        recorded_by=by,
    )


def read_rate(text: str) -> Decimal | None:
    """A rate, exactly as it is written; None for a text that is no rate."""
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        return None
    within = rate.is_finite() and rate > 0 and -20 <= rate.adjusted() <= 20  # noqa: PLR2004
    return rate if within else None
