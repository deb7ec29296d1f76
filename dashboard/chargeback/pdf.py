"""The report as a PDF for signing: a summary page, then a page for each team."""

import json
from collections.abc import Iterable
from datetime import UTC
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import dashboard
from dashboard.budgets.model import counted_in_words
from dashboard.chargeback.allocation import METHODS
from dashboard.chargeback.report import GROUP_LABELS, Report, ReportEntry
from dashboard.chargeback.statement import CAUSES, Allocation, Statement
from dashboard.chargeback.usage import UsageSums, total
from dashboard.chargeback.xlsx import BEFORE_ONLY, warnings
from ingest.model import money
from ingest.model.zone import instant

_TEMPLATE: Final = Path(dashboard.__file__).parent / "chargeback" / "statement.typ"
_MOST_ROWS: Final = 60
"""The highest number of keys and models that are printed of an entry; the workbook and the CSV have all."""
_AMOUNTS: Final = ("Direct", "Shared", "Adjusted", "Total")


class NoTypesetter(RuntimeError):
    """The PDF extra is not installed."""


def document(report: Report) -> bytes:
    """The PDF file.

    Raises:
        NoTypesetter: the PDF extra is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise NoTypesetter("a PDF needs the extra: pip install 'tallybook[pdf]'") from error
    data = json.dumps(_data(report), ensure_ascii=False)
    pdf = typst.compile(_TEMPLATE.read_bytes(), sys_inputs={"data": data})
    if not isinstance(pdf, bytes):
        raise TypeError("typst answered with something that is no document")
    return pdf


def _data(report: Report) -> dict[str, Any]:
    statement = report.statement
    closed = statement.status == "closed"
    title = f"Chargeback {statement.period}"
    number = statement.number or ("several statements" if closed else "not issued")
    return {
        "title": title,
        "preliminary": not closed,
        "status_word": "Closed" if closed else "Preliminary",
        "footer": f"Statement {number}. SHA-256 {statement.hash}"
        if closed
        else "Preliminary: amounts may change",
        "facts": [
            ["Period", f"{statement.first} to {statement.end}, end not included"],
            ["Status", "closed" if closed else statement.status],
            ["Time zone", statement.zone],
            ["Statement no.", f"{number}, replaces {statement.replaces}" if statement.replaces else number],
            ["Currency", statement.currency],
            ["Closed", f"{_time(statement.closed_at)} by {statement.closed_by}" if closed else "no"],
            ["Calls", f"{report.whole.used.requests:,}"],
            ["Made", _time(statement.made_at)],
            *([["Closed despite", statement.reason], ["", ""]] if statement.reason else []),
        ],
        "warnings": list(warnings(report)),
        "summary": _summary(report),
        "causes_head": [GROUP_LABELS[report.by], "No.", "About", "Cause", statement.currency],
        "causes": [
            [report.entry_name(entry), *cause] for entry in report.entries for cause in _causes(report, entry)
        ],
        "note": (
            "Amounts are rounded once, the total first, then its columns and lines by largest remainder, so "
            "that every table adds up downwards and across, the keys and models of a team too. Exact amounts "
            "are in the workbook, in CSV and in JSON."
            f"{_chains(statement)}"
        ),
        "entries": [_page(report, entry) for entry in report.entries],
    }


def _chains(statement: Statement) -> str:
    """The heads of the hash chains when the statement was closed."""
    heads = "; ".join(
        f"{table}: {head.count} rows, {head.seal}" for table, head in sorted(statement.chains.items())
    )
    return f" Sealed rows before this closing, with the SHA-256 of the last: {heads}." if heads else ""


def _summary(report: Report) -> dict[str, Any]:
    has_budget = bool(report.budgets)
    head = [
        GROUP_LABELS[report.by],
        *_AMOUNTS,
        "Before",
        *(["Budget"] if has_budget else []),
        "Calls",
        "Tokens",
    ]
    rows = []
    for entry in report.entries:
        budget = [_pico(report, entry.budget)] if has_budget else []
        used = entry.used
        rows.append(
            [
                report.entry_name(entry),
                *_shown(report, entry.shown),
                "" if entry.shown_before is None else report.grouped(entry.shown_before),
                *budget,
                f"{used.requests:,}",
                f"{used.total_tokens:,}",
            ]
        )
    whole = report.whole.used
    budget = [""] if has_budget else []
    if elsewhere := report.shown_before_elsewhere:
        rows.append([BEFORE_ONLY, *[""] * 4, report.grouped(elsewhere), *budget, "", ""])
    return {
        "head": head,
        "aligns": ["l", *("r" for _ in head[1:])],
        "widths": [1, *(0 for _ in head[1:])],
        "rows": rows,
        "total": [
            "Total",
            *_shown(report, report.shown),
            report.grouped(report.shown_before),
            *budget,
            f"{whole.requests:,}",
            f"{whole.total_tokens:,}",
        ],
    }


def _budget(report: Report, entry: ReportEntry) -> str:
    if entry.budget is None:
        return "none"
    return f"{_pico(report, entry.budget)} for {counted_in_words(entry.budget_counts or 'calls')}"


def _page(report: Report, entry: ReportEntry) -> dict[str, Any]:
    currency = report.statement.currency
    shown = entry.shown
    center = [entry.cost_center or "none"]
    if entry.cost_center_code and entry.cost_center_code != entry.cost_center:
        center.append(f"({entry.cost_center_code})")
    facts = [
        ["Customer", entry.customer or "none"],
        ["Cost centre", " ".join(center)],
        ["Period before", "none" if entry.shown_before is None else report.grouped(entry.shown_before)],
        ["GL account", entry.gl_code or "none"],
        ["Change", "none" if entry.shown_change is None else report.grouped(entry.shown_change)],
        ["Budget", _budget(report, entry)],
        ["Discounts in direct cost", report.grouped(sum(row.discounts for row in entry.shown_details))],
        ["Mark-ups in direct cost", report.grouped(sum(row.markups for row in entry.shown_details))],
        ["Calls without a price", f"{entry.used.unpriced_requests:,}"],
        ["", ""],
        ["Tokens in", f"{entry.used.input_tokens:,}"],
        ["Tokens out", f"{entry.used.output_tokens:,}"],
    ]
    return {
        "name": report.entry_name(entry),
        "facts": facts,
        "parts_head": ["", currency],
        "parts": [
            ["Direct cost", report.grouped(shown.direct_cost)],
            ["Shared cost", report.grouped(shown.shared_cost)],
            ["Adjustments", report.grouped(shown.adjustments)],
        ],
        "total": ["Total", report.grouped(shown.total)],
        "details_head": ["Virtual key", "Model", "Calls", "Tokens", currency],
        "details": _details(report, entry),
        "fees_head": ["Fee", "Provider", currency],
        "fees": [
            [item.name, item.provider or "", report.grouped(units)]
            for item, units in zip(entry.fees, entry.shown_fees, strict=True)
        ],
        "shared_head": ["Pool", "Shared", "Of", currency],
        "shared": [
            _allocation(report, item, units)
            for item, units in zip(entry.allocations, entry.shown_allocations, strict=True)
        ],
        "corrections": _causes(report, entry),
    }


def _details(report: Report, entry: ReportEntry) -> list[list[str]]:
    """The keys and models of an entry, the most expensive first; the rest is one row."""
    rows = sorted(zip(entry.details, entry.shown_details, strict=True), key=lambda row: -row[0].used.cost)
    table = [
        [
            report.name(detail.virtual_key_id) or "(no key)",
            f"{detail.provider}/{detail.model}",
            f"{detail.used.requests:,}",
            f"{detail.used.total_tokens:,}",
            _cost(report, detail.used, shown.cost),
        ]
        for detail, shown in rows[:_MOST_ROWS]
    ]
    if rest := rows[_MOST_ROWS:]:
        used = total(detail.used for detail, _ in rest)
        counts = [f"{used.requests:,}", f"{used.total_tokens:,}"]
        cost = report.grouped(sum(shown.cost for _, shown in rest))
        table.append([f"({len(rest):,} more)", "in the workbook", *counts, cost])
    return table


def _cost(report: Report, used: UsageSums, shown: int) -> str:
    """The shown cost of calls; the word `unpriced` if none of the calls has a price."""
    is_unpriced = used.requests and used.requests == used.unpriced_requests
    return "unpriced" if is_unpriced else report.grouped(shown)


def _allocation(report: Report, allocation: Allocation, shown: int) -> list[str]:
    percent = f"{float(abs(Fraction(allocation.share)) * 100):.2f}% "
    return [
        allocation.pool,
        percent + METHODS[allocation.method],
        report.grouped(report.shown_whole(allocation)),
        report.grouped(shown),
    ]


def _causes(report: Report, entry: ReportEntry) -> list[list[str]]:
    """The adjustments of an entry: number, month, cause and amount."""
    return [
        [
            correction.number,
            correction.about or "",
            CAUSES[correction.cause] + (f": {correction.reason}" if correction.reason else ""),
            report.grouped(units),
        ]
        for correction, units in zip(entry.corrections, entry.shown_corrections, strict=True)
    ]


def _shown(report: Report, shown: Any) -> Iterable[str]:
    parts = (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
    return [report.grouped(amount) for amount in parts]


def _pico(report: Report, pico: int | None) -> str:
    """An amount that is in no sum, rounded by itself; empty for None."""
    if pico is None:
        return ""
    return report.grouped(money.divide_half_even(pico, money.PICO_PER_UNIT // 10**report.digits))


def _time(at: int | None) -> str:
    return "" if at is None else instant(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
