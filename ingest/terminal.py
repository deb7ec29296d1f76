r"""What the commands share: options, exit codes, printing, refusals, tables, and the user who runs them.

The periods of options include their start and exclude their end. Text from a ledger is printed as it is:
never wrapped, coloured or read as markup. Only JSON has its control characters; elsewhere they are escapes
such as `\x1b`, so that no name moves the cursor or gives the terminal a command.

A secret need not stand in the arguments, which other users of the machine can list: an option or argument
that may hold one takes `@FILE` for the content of a file and `-` for a line of standard input.
"""

import getpass
import json
import re
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest.model.invalid import Invalid
from ingest.model.visible import visible

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]

From = Annotated[str | None, typer.Option("--from", help="Start: a date or an RFC 3339 time.")]
To = Annotated[str | None, typer.Option("--to", help="End, not included: a date or an RFC 3339 time.")]
Timezone = Annotated[
    str | None, typer.Option(help="The zone of dates and days; the ledger's where not given.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Show at most so many rows.")]

FromTime = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this date or time on.")]
ToTime = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this date or time.")]
CallsFrom = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Calls from this date or time on.")
]
CallsTo = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Calls before this date or time.")]
FromDay = Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on.")]
ToDay = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Before this day.")]

OutFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Where to write; standard output where not given.")
]
Reason = Annotated[str, typer.Option(help="The reason, kept with the entry.")]
Source = Annotated[str | None, typer.Option(help="The source's name, in place of the format's own.")]
Tier = Annotated[str | None, typer.Option(help="The service tier, such as batch.")]


_LONGEST_SECRET: Final = 16_384
_OF_A_KEY: Final = "virtual_key="
_LOOKS_SECRET: Final = re.compile(
    r"sk-|slack:|webhook:.*[?]|(?:webhook:)?[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE
)
"""What the beginning of a virtual key, of a target with a secret, and of a URL with a password look like."""


def secret(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """The callback of an option or argument that may hold a secret; lists are read text by text.

    Raises:
        BadParameter: what `@FILE` or `-` names cannot be read, or is not a single line.
    """
    if isinstance(value, list | tuple):
        return [secret(context, parameter, text) for text in value]
    if value is None:
        return None
    head = _OF_A_KEY if value.startswith(_OF_A_KEY) else ""
    text = value.removeprefix(head)
    if text == "-" or text.startswith("@"):
        return head + _content(text)
    source = context.get_parameter_source(parameter.name or "")
    if _LOOKS_SECRET.match(text) and source is not None and source.name == "COMMANDLINE":
        option = parameter.opts[0]
        name = option if option.startswith("-") else str(parameter.metavar).strip("[]")
        warn(
            f"{name}: other users of this machine can read a secret in the arguments; "
            "write it to a file and give @FILE, or pipe it in and give -"
        )
    return value


def _content(source: str) -> str:
    """The single word in the file of `@FILE`, or in the first line of standard input for `-` and `@-`."""
    name = "standard input" if source in ("-", "@-") else source[1:]
    try:
        if source in ("-", "@-"):
            text = sys.stdin.buffer.readline(_LONGEST_SECRET)
        else:
            with Path(name).open("rb") as file:
                text = file.read(_LONGEST_SECRET)
        words = text.decode().split()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{name} holds no text") from None
    if len(words) != 1:
        raise typer.BadParameter(f"{name} holds {'more than one word' if words else 'nothing'}")
    return words[0]


Where = Annotated[
    list[str] | None,
    typer.Option(metavar="DIM=VALUE", callback=secret, help="Keep only these; may be given several times."),
]


class ExitCode(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    SOME_REJECTED = 3
    INTERRUPTED = 130


class _PlainConsole(Console):
    """A console that shows the controls in a text as escapes, in cells of tables too."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """The console of standard output, or of standard error."""
    return _PlainConsole(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def say(text: str, *, style: str | None = None) -> None:
    """Print a text on standard output."""
    console().print(text, style=style, soft_wrap=True)


def warn(text: str) -> None:
    """Print a text on standard error, after what standard output holds."""
    sys.stdout.flush()
    console(stderr=True).print(text, soft_wrap=True)


def refuse(
    command: str, error: object, code: ExitCode = ExitCode.USAGE, *, arguments: Collection[str] = ()
) -> int:
    """Print on standard error why `tallybook COMMAND` is not carried out; the exit code.

    `arguments` are the fields that the command takes as arguments and not as flags.
    """
    warn(f"tallybook {command}: {explained(error, arguments=arguments)}")
    return code


def explained(error: object, *, arguments: Collection[str] = ()) -> str:
    """An error's message after the field at fault, if it has one: `--from`, or `NAME` for an argument."""
    if not isinstance(error, Invalid) or not error.field:
        return str(error)
    name = error.field.upper() if error.field in arguments else f"--{error.field}"
    return f"{name}: {error}"


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def table(*headings: str, numbers: Collection[str] = ()) -> Table:
    """A table without lines; the columns named in `numbers` are aligned to the right."""
    made = Table(box=None, pad_edge=False)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return made


def show(rows: Table, nothing: str) -> None:
    """Print a table, or the text `nothing` where it has no rows."""
    if rows.row_count:
        console().print(rows)
    else:
        say(nothing)


def current_user() -> str:
    """The name of the operating system's user: who changes the ledger from the command line."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets, to take effect between two steps.

    A second signal ends the command at once.
    """
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
