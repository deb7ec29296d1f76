"""The report as a workbook: a summary with a chart, a sheet for each team, and what the amounts are made of.

A spreadsheet keeps 15 digits, so cells hold rounded amounts, and exact amounts are text in a column of
their own. Totals are formulas, with cached values for programs that do not calculate.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from dashboard.budgets.model import counted_in_words
from dashboard.chargeback.allocation import METHODS
from dashboard.chargeback.report import GROUP_LABELS, GroupBy, Report, ReportEntry
from dashboard.chargeback.statement import CAUSES, IdleMarkup
from ingest.model import money

_SUMMARY: Final = (
    ("", 28),
    ("Customer", 18),
    ("Cost centre", 16),
    ("Direct cost", 14),
    ("Shared cost", 14),
    ("Adjustments", 14),
    ("Total", 14),
    ("Period before", 14),
    ("Change", 14),
    ("Budget", 14),
    ("Requests", 12),
    ("Unpriced", 10),
    ("Tokens", 16),
    ("Per request", 14),
    ("Per million tokens", 18),
    ("Total, exact", 24),
    ("Cost centre code", 16),
    ("GL account", 14),
)
_DETAIL: Final = (
    ("Virtual key", 28),
    ("Provider", 16),
    ("Model", 34),
    ("Requests", 12),
    ("Unpriced", 10),
    ("Input tokens", 16),
    ("Output tokens", 16),
    ("List cost", 14),
    ("Discounts", 14),
    ("Mark-ups", 14),
    ("Cost", 14),
    ("Cost, exact", 24),
)
_TEXTS: Final = frozenset(
    (
        *GROUP_LABELS.values(),
        "Virtual key",
        "Provider",
        "Model",
        "Pool",
        "Method",
        "Share",
        "About",
        "Cause",
        "Reason",
        "Number",
        "Customer",
        "Cost centre code",
        "GL account",
    )
)
"""The headings of text columns; all other columns are numbers."""
_FEE: Final = "(fee)"
BEFORE_ONLY: Final = "(in the period before only)"
"""The name of owners that had cost in the period before and have none now."""
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\]")
_LONGEST_SHEET: Final = 31
_MOST_SHEETS: Final = 200
_LONGEST_CELL: Final = 32_000
_UNITS: Final = 15
"""The significant digits that a cell keeps."""


def workbook(report: Report) -> bytes:
    """The XLSX file."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": f"Chargeback {report.statement.period}", "author": "Tallybook"})
    sheets = _Sheets(book, report)
    sheets.summary()
    for entry in report.entries[:_MOST_SHEETS]:
        sheets.entry_sheet(entry)
    sheets.shared()
    sheets.adjustments()
    sheets.unpriced()
    sheets.about()
    book.close()
    return out.getvalue()


class _Sheets:
    """The sheets of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report) -> None:
        self._book = book
        self._report = report
        digits = f".{'0' * report.digits}" if report.digits else ""
        self._digits = report.digits
        number = f"#,##0{digits};[Red]-#,##0{digits}"
        self._money: Format = book.add_format({"num_format": number})
        self._total: Format = book.add_format({"num_format": number, "bold": True, "top": 1})
        self._unit: Format = book.add_format({"num_format": "0.000000"})
        self._count: Format = book.add_format({"num_format": "#,##0"})
        self._counted: Format = book.add_format({"num_format": "#,##0", "bold": True, "top": 1})
        self._head: Format = book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}
        )
        self._number_head: Format = book.add_format(
            {"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True, "align": "right"}
        )
        self._exact: Format = book.add_format({"align": "right", "font_color": "#6B7785"})
        self._title: Format = book.add_format({"bold": True, "font_size": 14})
        self._label: Format = book.add_format({"bold": True})
        self._warning: Format = book.add_format({"font_color": "#9C5700", "bold": True})
        self._names: set[str] = set()

    def _sheet(self, name: str, columns: Sequence[tuple[str, int]], title: str, row: int) -> Worksheet:
        """A sheet with a title, and with headings in `row`, which stays in view."""
        sheet = self._book.add_worksheet(self._unique(name))
        sheet.write_string(0, 0, title[:_LONGEST_CELL], self._title)
        for at, (heading, width) in enumerate(columns):
            sheet.set_column(at, at, width)
            sheet.write_string(row, at, heading, self._head if heading in _TEXTS else self._number_head)
        sheet.freeze_panes(row + 1, 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(row)
        return sheet

    def _unique(self, name: str) -> str:
        plain = _FORBIDDEN.sub(" ", name).strip(" '") or "Sheet"
        candidate, number = plain[:_LONGEST_SHEET], 2
        while candidate.casefold() in self._names or candidate.casefold() == "history":
            suffix = f" ({number})"
            candidate, number = plain[: _LONGEST_SHEET - len(suffix)] + suffix, number + 1
        self._names.add(candidate.casefold())
        return candidate

    def summary(self) -> None:
        """Write all entries, the total, warnings and a chart."""
        report = self._report
        statement = report.statement
        columns = ((GROUP_LABELS[report.by], _SUMMARY[0][1]), *_SUMMARY[1:])
        first = 6
        sheet = self._sheet("Summary", columns, f"Chargeback {statement.period}", first - 1)
        sheet.write_string(1, 0, _status(report))
        sheet.write_string(2, 0, f"All amounts in {statement.currency}; days of {statement.zone}")
        for at, text in enumerate(warnings(report)[:2]):
            sheet.write_string(3 + at, 0, text, self._warning)
        for at, entry in enumerate(report.entries, start=first):
            self._summary_row(sheet, at, entry)
        last = first + len(report.entries)
        if report.shown_before_elsewhere:
            self._before_row(sheet, last, report.shown_before_elsewhere)
            last += 1
        sheet.write_string(last, 0, "Total", self._label)
        shown = report.shown
        amounts = (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
        change = shown.total - report.shown_before
        for column, units in enumerate((*amounts, report.shown_before, change), start=3):
            letter = "ABCDEFGHI"[column]
            value = self._cell(units)
            formula = f"=SUM({letter}{first + 1}:{letter}{last})" if last > first else "=0"
            sheet.write_formula(last, column, formula, self._total, value)
        whole = report.whole.used
        for column, count in ((10, whole.requests), (11, whole.unpriced_requests), (12, whole.total_tokens)):
            sheet.write_number(last, column, count, self._counted)
        sheet.write_string(last, 15, money.plain(report.whole.total), self._exact)
        if last > first:
            sheet.autofilter(first - 1, 0, last - 1, len(columns) - 1)
        if report.entries:
            self._chart(sheet, first, first + len(report.entries))

    def _before_row(self, sheet: Worksheet, at: int, units: int) -> None:
        """Write the row of owners that had cost in the period before and have none now."""
        sheet.write_string(at, 0, BEFORE_ONLY)
        for column in range(3, 7):
            sheet.write_number(at, column, 0, self._money)
        sheet.write_number(at, 7, self._cell(units), self._money)
        sheet.write_number(at, 8, self._cell(-units), self._money)

    def _summary_row(self, sheet: Worksheet, at: int, entry: ReportEntry) -> None:
        report = self._report
        sheet.write_string(at, 0, report.entry_name(entry)[:_LONGEST_CELL])
        texts = (
            (1, entry.customer),
            (2, entry.cost_center),
            (16, entry.cost_center_code),
            (17, entry.gl_code),
        )
        for column, text in texts:
            sheet.write_string(at, column, (text or "")[:_LONGEST_CELL])
        shown = entry.shown
        for column, amount in enumerate(
            (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
        ):
            sheet.write_number(at, 3 + column, self._cell(amount), self._money)
        before = entry.shown_before or 0
        for column, amount in ((7, before), (8, shown.total - before)):
            sheet.write_number(at, column, self._cell(amount), self._money)
        if entry.budget is not None:
            self._pico(sheet, at, 9, entry.budget)
        used = entry.used
        for column, count in ((10, used.requests), (11, used.unpriced_requests), (12, used.total_tokens)):
            sheet.write_number(at, column, count, self._count)
        for column, ratio in ((13, entry.cost_per_request), (14, entry.cost_per_million_tokens)):
            if ratio is not None:
                sheet.write_number(at, column, _number(ratio), self._unit)
        sheet.write_string(at, 15, money.plain(entry.line.total), self._exact)

    def _chart(self, sheet: Worksheet, first: int, last: int) -> None:
        """Insert a bar for each entry, stacked of direct, shared and adjusted cost."""
        chart: Any = self._book.add_chart({"type": "bar", "subtype": "stacked"})
        name = sheet.get_name()
        for column, colour in ((3, "#0072B2"), (4, "#E69F00"), (5, "#009E73")):
            chart.add_series(
                {
                    "name": [name, first - 1, column],
                    "categories": [name, first, 0, last - 1, 0],
                    "values": [name, first, column, last - 1, column],
                    "fill": {"color": colour},
                }
            )
        chart.set_title(
            {"name": f"Cost by {GROUP_LABELS[self._report.by].lower()} ({self._report.statement.currency})"}
        )
        chart.set_y_axis({"reverse": True})
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 760, "height": min(220 + 26 * (last - first), 900)})
        sheet.insert_chart(last + 2, 0, chart)

    def entry_sheet(self, entry: ReportEntry) -> None:
        """Write the sheet of an entry: its keys and models, and the fees that it bears alone."""
        report = self._report
        name = report.name(entry.ident) or report.entry_name(entry).strip("()").capitalize()
        first = 8
        sheet = self._sheet(name, _DETAIL, f"{name}: {report.statement.period}", first - 1)
        shown = entry.shown
        parts = (
            ("Direct cost", shown.direct_cost),
            ("Shared cost", shown.shared_cost),
            ("Adjustments", shown.adjustments),
            ("Total", shown.total),
        )
        for at, (label, amount) in enumerate(parts, start=1):
            sheet.write_string(at, 0, label, self._label)
            sheet.write_number(at, 1, self._cell(amount), self._money)
        codes = (("Cost centre", entry.cost_center), ("Code", entry.cost_center_code), ("GL", entry.gl_code))
        for at, (label, code) in enumerate(codes, start=1):
            sheet.write_string(at, 2, f"{label}: {code or 'none'}"[:_LONGEST_CELL])
        for at, detail in enumerate(entry.details, start=first):
            used, units = detail.used, entry.shown_details[at - first]
            key = report.name(detail.virtual_key_id) or "(no key)"
            for column, text in enumerate((key, detail.provider, detail.model)):
                sheet.write_string(at, column, text[:_LONGEST_CELL])
            counts = (used.requests, used.unpriced_requests, used.input_tokens, used.output_tokens)
            for column, count in enumerate(counts, start=3):
                sheet.write_number(at, column, count, self._count)
            amounts = (units.list_cost, units.discounts, units.markups, units.cost)
            for column, amount in enumerate(amounts, start=7):
                sheet.write_number(at, column, self._cell(amount), self._money)
            sheet.write_string(at, 11, money.plain(used.cost), self._exact)
        rows = zip(entry.fees, entry.shown_fees, strict=True)
        for at, (fee, amount) in enumerate(rows, start=first + len(entry.details)):
            for column, text in enumerate((_FEE, fee.provider or "", fee.name)):
                sheet.write_string(at, column, text[:_LONGEST_CELL])
            sheet.write_number(at, 10, self._cell(amount), self._money)
            sheet.write_string(at, 11, money.plain(fee.amount), self._exact)
        if number := len(entry.details) + len(entry.fees):
            sheet.autofilter(first - 1, 0, first + number - 1, len(_DETAIL) - 1)

    def shared(self) -> None:
        """Write how shared cost was allocated."""
        columns = (
            (GROUP_LABELS[self._report.by], 28),
            ("Pool", 24),
            ("Pool total", 16),
            ("Method", 36),
            ("Share", 28),
            ("Amount", 16),
            ("Amount, exact", 24),
        )
        rows = [
            (entry, allocation, amount)
            for entry in self._report.entries
            for allocation, amount in zip(entry.allocations, entry.shown_allocations, strict=True)
        ]
        sheet = self._sheet("Shared cost", columns, "Shared cost and how it was allocated", 1)
        for at, (entry, allocation, amount) in enumerate(rows, start=2):
            name = self._report.entry_name(entry)
            for column, text in (
                (0, name),
                (1, allocation.pool),
                (3, METHODS[allocation.method]),
                (4, allocation.share),
            ):
                sheet.write_string(at, column, text[:_LONGEST_CELL])
            for column, units in ((2, self._report.shown_whole(allocation)), (5, amount)):
                sheet.write_number(at, column, self._cell(units), self._money)
            sheet.write_string(at, 6, money.plain(allocation.amount), self._exact)

    def adjustments(self) -> None:
        """Write the corrections of other periods and the amounts booked by hand."""
        columns = (
            (GROUP_LABELS[self._report.by], 28),
            ("About", 12),
            ("Cause", 40),
            ("Reason", 50),
            ("Amount", 16),
            ("Amount, exact", 24),
            ("Number", 16),
        )
        rows = [
            (entry, correction, amount)
            for entry in self._report.entries
            for correction, amount in zip(entry.corrections, entry.shown_corrections, strict=True)
        ]
        sheet = self._sheet("Adjustments", columns, "Adjustments", 1)
        for at, (entry, correction, amount) in enumerate(rows, start=2):
            name = self._report.entry_name(entry)
            for column, text in enumerate(
                (name, correction.about or "", CAUSES[correction.cause], correction.reason)
            ):
                sheet.write_string(at, column, text[:_LONGEST_CELL])
            sheet.write_number(at, 4, self._cell(amount), self._money)
            sheet.write_string(at, 5, money.plain(correction.amount), self._exact)
            sheet.write_string(at, 6, correction.number)

    def unpriced(self) -> None:
        """Write the calls without a price."""
        columns = (("Provider", 20), ("Model", 40), ("Requests", 14), ("Tokens", 18))
        sheet = self._sheet("Unpriced", columns, "Calls without a price, which are in no amount", 1)
        for at, model in enumerate(self._report.statement.unpriced, start=2):
            sheet.write_string(at, 0, model.provider)
            sheet.write_string(at, 1, model.model[:_LONGEST_CELL])
            sheet.write_number(at, 2, model.requests, self._count)
            sheet.write_number(at, 3, model.tokens, self._count)

    def about(self) -> None:
        """Write how the amounts were made."""
        sheet = self._book.add_worksheet(self._unique("About"))
        sheet.set_column(0, 0, 110)
        for at, text in enumerate(about(self._report)):
            sheet.write_string(at, 0, text[:_LONGEST_CELL])

    def _cell(self, shown: int) -> float:
        return _number(Decimal(shown).scaleb(-self._digits))

    def _pico(self, sheet: Worksheet, row: int, column: int, pico: int) -> None:
        """Write an amount that is in no sum, rounded by itself."""
        unit = money.PICO_PER_UNIT // 10**self._digits
        sheet.write_number(row, column, self._cell(money.divide_half_even(pico, unit)), self._money)


def _number(value: Decimal) -> float:
    """A number as a cell holds it: 15 digits. The exact amount is text beside it."""
    return float(f"{value:.{_UNITS}g}")


def _status(report: Report) -> str:
    statement = report.statement
    if statement.status == "closed":
        replaced = f", which replaces {statement.replaces}" if statement.replaces else ""
        number = f"statement {statement.number}{replaced}" if statement.number else "several statements"
        return f"Closed by {statement.closed_by}, {number}, hash {statement.hash}"
    return "Preliminary: the period is not closed, and amounts may still change"


_WITHOUT: Final[Mapping[GroupBy, str]] = {
    "team": "belongs to nobody",
    "customer": "has no customer",
    "cost_center": "has no cost centre",
}


def warnings(report: Report) -> list[str]:
    """Warnings for the reader: amounts that are missing or belong to no team."""
    statement = report.statement
    used = report.whole.used
    messages = []
    if used.unpriced_requests:
        messages.append(f"{used.unpriced_requests:,} calls have no price and are in no amount")
    unassigned = report.unassigned
    if unassigned is not None and unassigned.line.total and unassigned.shown.total:
        amount = report.amount(unassigned.shown.total)
        messages.append(f"{amount} {statement.currency} {_WITHOUT[report.by]}")
    messages += [
        f"{calls.requests:,} calls in {calls.currency} could not be converted: "
        f"{money.plain(calls.amount)} {calls.currency}"
        for calls in statement.unconverted
    ]
    return [*messages, *(_without_effect(report, markup) for markup in statement.idle_markups)]


def _without_effect(report: Report, markup: IdleMarkup) -> str:
    cost = money.divide_half_even(markup.cost, money.PICO_PER_UNIT // 10**report.digits)
    calls = "1 call" if markup.requests == 1 else f"{markup.requests:,} calls"
    why = "a source reported it" if markup.why == "reported" else "it was computed without it"
    return (
        f"The mark-up of {markup.percent} on {markup.calls} is not in {report.grouped(cost)} "
        f"{report.statement.currency} of {calls}: {why}"
    )


def about(report: Report) -> Iterable[str]:
    """The sentences that explain how the amounts were made."""
    statement = report.statement
    days = f"{statement.first} up to, not including, {statement.end}"
    yield f"Chargeback of {statement.period}: {days} in {statement.zone}"
    yield _status(report)
    yield from warnings(report)
    yield (
        "Direct cost is what the calls of a team cost, and the fees that it bears alone; free and failed "
        "calls cost nothing."
    )
    yield (
        "Shared cost is a team's part of fees and of calls that belong to nobody, by the rules on the "
        "sheet Shared cost."
    )
    yield (
        "Adjustments are changes to closed periods, and amounts that were booked by hand; each names its "
        "cause."
    )
    if report.budgets:
        counts = sorted({entry.budget_counts for entry in report.entries if entry.budget_counts})
        yield f"Budgets count {counted_in_words(', '.join(counts))}."
    yield "Amounts are exact to 12 digits after the point in the columns that say so, in JSON and in CSV."
    yield (
        "What is shown is rounded once, half to even: the total, then direct, shared and adjusted cost as "
        "a whole, then the lines of each by largest remainder, so that every sheet adds up downwards and across."
    )
