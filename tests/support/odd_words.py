"""Odd words on the command line: every command of the program, with values that nobody means."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import typer

from dashboard.cli import make_cli

VALUES: Final = (
    "",
    " ",
    "-",
    "--",
    "-1",
    "0",
    "99999999999999999999999999",
    "1e999999999",
    "1e-999999999",
    "nan",
    "inf",
    "٣",
    "2099-13",
    "2099-12",
    "0000-00",
    "0000-01",
    "0001-01",
    "9999-12",
    "9999-12-31",
    "0001-01-01",
    "-2026-01",
    "2026-02-30",
    "2099-01-01",
    "2026-10-15T25:61:61Z",
    "9999-12-31T23:59:59-23:59",
    ".",
    "/dev/null",
    "/nowhere/at/all",
    "a\0b",
    "a\nb",
    "\x1b[2J",
    "\udcff\udcfe",
    "\ud83d",
    "=cmd|' /C calc'!A0",
    "a=b=c",
    "a=-1",
    "[/red]",
    "%s%n",
    "x" * 5_000,
    "Europe/Berlin",
    "sqlite:///nowhere/x.db",
    "http://127.0.0.1:1/",
)
"""Values for arguments and options."""

NEVER_RUN: Final = frozenset({"serve", "sync", "demo", "backup", "restore"})
"""Commands that wait, or take long: their arguments are tried by their own tests."""


@dataclass(frozen=True)
class Shape:
    """A command and its parameters."""

    words: tuple[str, ...]
    arguments: tuple[Any, ...]
    options: tuple[Any, ...]


def commands() -> Iterator[Shape]:
    """Every command of the program but those that are never run."""
    root = typer.main.get_command(make_cli())
    yield from _below(root, ())


def _below(command: Any, words: tuple[str, ...]) -> Iterator[Shape]:
    if words and words[0] in NEVER_RUN:
        return
    below = getattr(command, "commands", None)
    if below:
        for name, one in below.items():
            yield from _below(one, (*words, name))
        return
    given = [parameter for parameter in command.params if parameter.name != "help"]
    yield Shape(
        words,
        tuple(one for one in given if one.param_type_name == "argument"),
        tuple(one for one in given if one.param_type_name == "option"),
    )


def lines(shape: Shape, chance: random.Random, count: int) -> Iterator[list[str]]:
    """So many command lines of a command: arguments of odd values, and a few options."""
    for _ in range(count):
        words = [*shape.words]
        for argument in shape.arguments:
            if argument.required or chance.random() < 0.7:
                words += [chance.choice(VALUES) for _ in range(1 if argument.nargs == 1 else 2)]
        for option in chance.sample(shape.options, min(len(shape.options), chance.randrange(4))):
            words += [option.opts[0], *([] if option.is_flag else [chance.choice(VALUES)])]
        yield words
