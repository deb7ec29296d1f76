"""The command `tallybook`, with the commands of both packages."""

import os
import sys

import typer

from dashboard.alerts import cli as alert_cli
from dashboard.budget_usage import cli as budgets_cli
from dashboard.chargeback import cli as chargeback_cli
from dashboard.demo import cli as demo_cli
from dashboard.directory import cli as owners_read_cli
from dashboard.doctor import cli as doctor_cli
from dashboard.exchange_rates import cli as rates_cli
from dashboard.fees import cli as fees_cli
from dashboard.focus import cli as focus_cli
from dashboard.prices import cli as prices_read_cli
from dashboard.reconciliation import cli as reconciliation_cli
from dashboard.server import cli as serve_cli
from dashboard.spend import cli as spend_cli
from dashboard.whatif import cli as whatif_cli
from ingest import cli as write_side
from ingest.audit import cli as audit_cli
from ingest.model.visible import visible, visible_name


def make_cli() -> typer.Typer:
    """A new Typer app with all commands."""
    app = write_side.make_cli()
    for command in (
        demo_cli.demo,
        spend_cli.spend,
        whatif_cli.whatif,
        serve_cli.serve,
        reconciliation_cli.reconcile,
        audit_cli.audit,
        doctor_cli.doctor,
    ):
        app.command()(command)
    _group(app, "directory").add_typer(owners_read_cli.directory)
    _group(app, "prices").add_typer(prices_read_cli.commands)
    _group(app, "owner").add_typer(owners_read_cli.owner)
    _group(app, "team").add_typer(owners_read_cli.team)
    app.add_typer(focus_cli.export, name="export")
    _move_before(app, "owner", "export")
    app.add_typer(chargeback_cli.report, name="report")
    app.add_typer(chargeback_cli.period, name="period")
    app.add_typer(chargeback_cli.allocate, name="allocate")
    app.add_typer(budgets_cli.budget, name="budget")
    app.add_typer(alert_cli.alert, name="alert")
    app.add_typer(reconciliation_cli.invoice, name="invoice")
    app.add_typer(rates_cli.app, name="rates")
    app.add_typer(fees_cli.app, name="fees")
    return app


def _group(app: typer.Typer, name: str) -> typer.Typer:
    """The group of this name in the app."""
    groups = (group.typer_instance for group in app.registered_groups if group.name == name)
    return next(group for group in groups if group is not None)


def _move_before(app: typer.Typer, next_name: str, name: str) -> None:
    """List the group `name` right before the group `next_name`."""
    groups = app.registered_groups
    moved = next(group for group in groups if group.name == name)
    groups.remove(moved)
    groups.insert(next(i for i, group in enumerate(groups) if group.name == next_name), moved)


def main() -> None:
    """Run the command. A user's mistake is reported in one line on standard error, without a traceback."""
    if (odd := next(filter(_is_no_text, sys.argv[1:]), None)) is not None:
        sys.stderr.write(
            f"tallybook: {visible_name(odd)}: this is not text in UTF-8, and no file has this name\n"
        )
        sys.exit(2)
    try:
        from pydantic import ValidationError

        from ingest.ledger.engine import DatabaseError, LedgerBusy, LedgerError
        from ingest.model.zone import UnknownZone
        from ingest.settings import Settings, faults

        try:
            make_cli()()
        except LedgerBusy as error:
            sys.exit(_report_failure(_stopped(error.outage.detail, str(error))))
        except DatabaseError as error:
            sys.exit(_report_failure(f"the database refused: {error}"))
        except (LedgerError, UnknownZone) as error:
            sys.exit(_report_failure(str(error)))
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            sys.exit(_report_failure("; ".join(faults(error).values())))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _stopped(advice: str, cause: str) -> str:
    """The message of a command that stopped because the ledger went away."""
    return f"stopped: {advice}" if advice == cause else f"stopped: {advice} ({cause})"


def _is_no_text(word: str) -> bool:
    """Whether a word of the command line is neither text that a ledger can keep nor the name of a file."""
    is_odd = any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in word)
    return is_odd and not os.path.lexists(word)


def _report_failure(message: str) -> int:
    sys.stderr.write(f"tallybook: {visible(message)}\n")
    return 1
