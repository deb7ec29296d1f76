"""`tallybook doctor`: what the checks found, the worst first."""

import os
from collections.abc import Iterable
from typing import Final

from dashboard.doctor.checks import CHECKS
from dashboard.doctor.examination import examine
from dashboard.doctor.model import Finding, Level, Result, worst
from ingest.clock import now
from ingest.terminal import ExitCode, print_json, say

_HEADINGS: Final[dict[Level, str]] = {"trouble": "Trouble", "warning": "To look at", "ok": "Well"}
"""The groups of findings, in the order in which they are printed."""


def run(*, as_json: bool) -> int:
    """Examine the installation that the environment names and print the findings; the exit code."""
    results = examine(os.environ, now())
    status = worst(result.level for result in results)
    if as_json:
        print_json(
            {
                "status": status,
                "checks": [_as_json(result, one) for result in results for one in result.findings],
            }
        )
    else:
        _print(results, status)
    return ExitCode.FAILURE if status == "trouble" else ExitCode.OK


def _as_json(result: Result, finding: Finding) -> dict[str, str]:
    return {
        "check": result.check,
        "status": finding.level,
        "message": finding.message,
        "action": finding.action,
    }


def _print(results: Iterable[Result], status: Level) -> None:
    results = list(results)
    for level, heading in _HEADINGS.items():
        lines = [line for result in results for line in _lines(result, level)]
        if lines:
            say(f"{heading}:")
            for line in lines:
                say(line)
            say("")
    made = {result.check for result in results}
    if left := sum(check.needs in ("database", "ledger") and check.name not in made for check in CHECKS):
        say(f"{left} checks of what is in the ledger were not made, because it cannot be read.")
    counts = [sum(one.level == level for result in results for one in result.findings) for level in _HEADINGS]
    say(_SUMMARY[status].format(trouble=counts[0], warning=counts[1]))


_SUMMARY: Final[dict[Level, str]] = {
    "ok": "All is well.",
    "warning": "Nothing is broken; {warning} to look at.",
    "trouble": "{trouble} in trouble, {warning} to look at.",
}


def _lines(result: Result, level: Level) -> list[str]:
    lines = []
    for finding in result.findings:
        if finding.level == level:
            lines.append(f"  {result.check}: {finding.message}")
            if finding.action:
                lines.append(f"    -> {finding.action}")
    return lines
