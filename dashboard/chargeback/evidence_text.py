"""Evidence in words, as the command and the page of an adjustment show it."""

from collections.abc import Iterable, Mapping
from typing import Final

from dashboard.chargeback.adjustment import OpenedAdjustment, per_million
from dashboard.chargeback.statement import Evidence, EvidenceKind

_WORDS: Final[Mapping[EvidenceKind, str]] = {
    "calls": "calls",
    "fee": "fee",
    "shared": "shared cost",
    "booked": "booked already as",
    "hand": "booked by hand",
    "rest": "rounding, and what evidence does not name",
}


def part_of(opened: OpenedAdjustment, line: Evidence) -> str:
    """What a part of an adjustment is, such as `calls of Web, openai/gpt-5`."""
    if line.kind == "calls":
        key = opened.name(line.virtual_key_id) or "no key"
        return f"calls of {key}, {line.provider}/{line.model}"
    return " ".join((_WORDS[line.kind], line.name)).strip()


def teams_of(opened: OpenedAdjustment, line: Evidence) -> str:
    """The teams of the calls before and after; a single list if they are the same."""
    return _change(_teams(opened, line.teams_before), _teams(opened, line.teams_after))


def prices_of(opened: OpenedAdjustment, line: Evidence) -> str:
    """The prices of the calls before and after; for reported costs the cost of a million tokens."""
    if line.kind != "calls":
        return ""
    before, after = (_rates(opened, sets) for sets in (line.price_sets_before, line.price_sets_after))
    if before or after:
        return _change(before, after)
    costs = (per_million(line.before, line.tokens_before), per_million(line.after, line.tokens_after))
    return _change(*(f"{cost} per million tokens" if cost else "" for cost in costs))


def _teams(opened: OpenedAdjustment, teams: Iterable[int | None]) -> str:
    return ", ".join(opened.name(team) or "no team" for team in teams)


def _rates(opened: OpenedAdjustment, price_sets: Iterable[int]) -> str:
    texts = (
        ", ".join(f"{meter} {rate}" for meter, rate in opened.prices[number].by_meter.items())
        for number in price_sets
        if number in opened.prices
    )
    return "; ".join(dict.fromkeys(texts))


def _change(before: str, after: str) -> str:
    return after if before == after or not before else f"{before} -> {after or 'none'}"
