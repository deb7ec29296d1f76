"""Gives a hard quarter to the product: its commands on a ledger of its own, and its intake for calls."""

import json
import os
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from ingest.ledger.engine import open_ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.zone import micros
from ingest.settings import Settings
from tests.support.cli import command_in
from tests.support.hard_quarter import (
    ALWAYS,
    CENTERS,
    DISCOUNTS,
    MARKUPS,
    MODELS,
    RATES,
    TEAMS,
    Call,
    Close,
    Facts,
    Invoiced,
    Reopen,
    Step,
)
from tests.support.ledgers import SECRET, blank, put_events


def decimal(number: Fraction) -> str:
    """A fraction that ends, as text."""
    return f"{float(number):.9f}".rstrip("0").rstrip(".")


def since(day: date) -> tuple[str, ...]:
    return () if day == ALWAYS else ("--from", day.isoformat())


@dataclass
class Play:
    """The product with its ledger, and what it was asked."""

    folder: Path
    issued: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The JSON and the CSV of each statement as it was issued."""

    def __post_init__(self) -> None:
        self.environment = {
            "TALLYBOOK_DATABASE_URL": blank(self.folder / "ledger.db"),
            "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
            "TALLYBOOK_TIMEZONE": "Europe/Berlin",
            "TALLYBOOK_CURRENCY": "EUR",
            "COLUMNS": "200",
            "USER": os.environ.get("USER", "ada"),
        }
        self._recorded: dict[str, int] = {}

    def said(self, *words: str) -> str:
        done = command_in(self.folder, self.environment, *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def object(self, *words: str) -> Any:
        return json.loads(self.said(*words))

    def written(self, name: str, *words: str) -> bytes:
        """The file that a command writes."""
        self.said(*words, "--out", name)
        return (self.folder / name).read_bytes()

    def settle(self) -> None:
        """Teams, cost centres, rates and contracts, which stand from the beginning."""
        for code, account in CENTERS.items():
            self.said("cost-center", "add", code, "--gl", account)
        for team, center in TEAMS.items():
            self.said("team", "add", team, "--cost-center", center)
        self.said("owner", "set", "--for-team", "ads", "--cost-center", "CC-3", "--from", "2025-11-16")
        lines = [f"{day},{of},EUR,{decimal(value)}" for day, of, value in RATES]
        (self.folder / "rates.csv").write_text("\n".join(["date,base,quote,rate", *lines]))
        self.said("rates", "import", "rates.csv")
        for provider, part, day in DISCOUNTS:
            self.said("prices", "discount", provider, f"{decimal(part * 100)}%", *since(day))
        for of, part, day in MARKUPS:
            whose = ["--team", of.removeprefix("team:")] if of.startswith("team:") else []
            self.said("prices", "markup", "all", f"{decimal(part * 100)}%", *whose, *since(day))

    def take(self, step: Step) -> None:
        match step:
            case Facts():
                self._record(step)
            case Close(month):
                self.said("period", "close", month, "--accept", "as agreed")
                self.issued[month] = (self._report(month, "json"), self._report(month, "csv"))
            case Reopen(month):
                self.said("period", "reopen", month, "--reason", "calls were missing")
            case Invoiced():
                self._invoice(step)

    def _report(self, month: str, form: str) -> str:
        return self.said("report", "chargeback", "--period", month, "--format", form, "--out", "-")

    def _record(self, facts: Facts) -> None:
        for price in facts.prices:
            provider, currency = MODELS[price.model]
            meters = (f"input={decimal(price.input)}", f"output={decimal(price.output)}")
            words = ("--currency", currency, *since(price.since))
            self.said("prices", "set", provider, price.model, *meters, *words)
        if facts.prices:
            self.said("reprice")
        for key in dict.fromkeys(one.subject for one in facts.owned if one.kind == "key"):
            self.said("key", "add", key)
        for kind, subject, teams, day in facts.owned:
            of = ("--project", subject) if kind == "project" else (subject,)
            shares = [word for team, parts in teams.items() for word in ("--team", f"{team}={parts}")]
            whole = ("--team", *teams) if len(teams) == 1 else tuple(shares)
            when = "always" if day == ALWAYS else day.isoformat()
            self.said("owner", "set", *of, *whole, "--from", when)
        for fee in facts.fees:
            terms = ["--every", fee.every, "--kind", fee.kind, "--currency", fee.currency]
            terms += ["--team", fee.team] if fee.team else []
            terms += ["--provider", fee.provider] if fee.provider else []
            self.said("fees", "add", fee.name, decimal(fee.amount), *since(fee.since), *terms)
        for rule in facts.rules:
            self.said("allocate", "set", rule.pool, "--by", rule.method, *since(rule.since))
        if facts.calls:
            self._put(*facts.calls.values())

    def _put(self, *calls: Call) -> None:
        with open_ledger(Settings(**self.settings)) as ledger:
            receipt = put_events(ledger, read_book(ledger), *map(_event, calls))
        assert receipt.accepted + receipt.revised == len(calls), receipt

    @property
    def settings(self) -> dict[str, Any]:
        names = {"database_url", "secret_key", "timezone", "currency"}
        return {name: self.environment[f"TALLYBOOK_{name.upper()}"] for name in names}

    def _invoice(self, step: Invoiced) -> None:
        lines = [
            f"{step.provider},{step.month},{decimal(amount)},{step.currency},{name}"
            for name, amount in step.documents
        ]
        (self.folder / "invoice.csv").write_text(
            "\n".join(["provider,month,amount,currency,invoice_id", *lines])
        )
        self.said("invoice", "import", "invoice.csv")
        if step.accepted_by:
            words = ("--provider", step.provider, "--accept", "keys of the lab", "--team", step.accepted_by)
            self.said("reconcile", "--period", step.month, *words)


def _event(call: Call) -> UsageEvent:
    provider, currency = MODELS[call.model]
    said: dict[str, Any] = {}
    if call.reported is not None:
        said = {"reported": ReportedCost(total=call.reported), "currency": currency}
    return UsageEvent(
        source="gateway",
        source_event_id=call.name,
        occurred_at=micros(call.at),
        provider=provider,
        model=call.model,
        virtual_key=call.key,
        team=call.team,
        project=call.project,
        input_tokens=call.input,
        output_tokens=call.output,
        total_tokens=call.input + call.output,
        **said,
    )
