"""Which commands make a ledger that is missing. docs/ledger.md states the same list."""

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from dashboard.cli import make_cli
from tests.support.cli import command_in
from tests.support.paths import DOCS

START = {
    *("import", "serve", "sync", "demo", "migrate", "restore"),
    *("team add", "customer add", "cost-center add", "key add", "owner set", "directory import"),
    *("prices set", "prices import", "prices alias", "prices discount", "prices markup", "prices region"),
    *("rates set", "rates import", "budget set", "alert add", "allocate set", "fees add"),
    *("invoice import", "token create"),
}
"""Commands that start a ledger, or set one up before the first call."""

NO_LEDGER = {"doctor", "formats", "settings"}
"""Commands that need none; `doctor` says that it is missing."""

OTHERS = {
    "alert check": (),
    "alert history": (),
    "alert list": (),
    "alert remove": ("x",),
    "alert send": (),
    "alert test": ("x",),
    "allocate list": (),
    "audit": (),
    "backup": ("backups",),
    "budget list": (),
    "budget remove": ("x",),
    "directory export": (),
    "export focus": ("--period", "2026-10", "--out", "-"),
    "fees end": ("x", "--at", "2026-10-01"),
    "fees list": (),
    "invoice list": (),
    "owner list": (),
    "owner unassigned": (),
    "period close": ("2026-10",),
    "period list": (),
    "period reopen": ("2026-10", "--reason", "x"),
    "period show": ("2026-10",),
    "prices explain": ("0" * 32,),
    "prices list": (),
    "prices show": ("acme", "atlas"),
    "prices terms": (),
    "prices variance": (),
    "rates list": (),
    "reconcile": ("--period", "2026-10"),
    "rejected list": (),
    "rejected retry": (),
    "report adjustment": ("1",),
    "report chargeback": ("--period", "2026-10"),
    "report journal": ("--period", "2026-10"),
    "report schedules": (),
    "report send": (),
    "report unschedule": ("1",),
    "reprice": (),
    "rollup": (),
    "spend": (),
    "team list": (),
    "token list": (),
    "token revoke": ("x",),
    "verify": (),
    "whatif": ("--from-model", "a", "--to-model", "b"),
}
"""All others, with what they need to come as far as the ledger."""


def _commands() -> set[str]:
    def walk(command: typer.core.TyperCommand | typer.core.TyperGroup, words: tuple[str, ...]) -> set[str]:
        children = getattr(command, "commands", None)
        if not children:
            return {" ".join(words)}
        return {name for word, child in children.items() for name in walk(child, (*words, word))}

    return walk(get_command(make_cli()), ())  # type: ignore[arg-type]


def test_every_command_is_in_a_list() -> None:
    assert _commands() == START | NO_LEDGER | OTHERS.keys()


@pytest.mark.parametrize("command", sorted(OTHERS))
def test_a_command_that_starts_no_ledger_refuses_a_missing_one(command: str, tmp_path: Path) -> None:
    done = command_in(
        tmp_path, {"TALLYBOOK_DATABASE_URL": "sqlite:///typo.db"}, *command.split(), *OTHERS[command]
    )
    assert (done.returncode, "TALLYBOOK_DATABASE_URL" in done.stderr) == (1, True), done.stderr
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("typo")]


def test_the_documentation_has_the_same_list() -> None:
    page = (DOCS / "ledger.md").read_text()
    (listed,) = re.findall(r"These commands start a missing ledger: (.+?)\.\n", page, re.DOTALL)
    assert set(re.findall(r"`([^`]+)`", listed)) == START
