"""`tallybook fees add` and `tallybook fees end`: fixed costs that do not depend on calls."""

from typing import Final

from dashboard.fees.model import Fee
from dashboard.fees.service import AddedFee, AddFeeOptions, FeeRefused, add_fee, end_fee
from ingest.clock import now
from ingest.ledger.engine import open_existing, open_ledger
from ingest.model import money
from ingest.model.zone import Zone
from ingest.parse.dates import NotATime, written
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, refuse, say

_ARGUMENTS: Final = ("name", "amount")


def add(options: AddFeeOptions) -> int:
    """Add a fee, or a version of the fee of that name; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            added = add_fee(ledger, options, by=current_user(), at=now())
            say(_description(added, ledger.zone))
            if added.closed:
                months = ", ".join(added.closed)
                say(
                    f"closed already: {months}; what changes there is booked in the next open month",
                    style="yellow",
                )
    except (FeeRefused, NotATime) as error:
        return refuse("fees", error, arguments=_ARGUMENTS)
    return ExitCode.OK


def end(name: str, at: str) -> int:
    """End a fee at a date or time; the exit code."""
    try:
        with open_existing(Settings()) as ledger:
            end_fee(ledger, name, at, by=current_user(), at=now())
    except (FeeRefused, NotATime) as error:
        return refuse("fees", error, arguments=_ARGUMENTS)
    say(f"{name} ends at {at}")
    return ExitCode.OK


def _description(added: AddedFee, zone: Zone) -> str:
    fee = added.fee
    verb = "changed" if added.is_change else "added"
    since = written(fee.start, zone)
    until = f" until {written(fee.end, zone)}" if fee.end is not None else ""
    whose = "borne by its team" if fee.team_id is not None else "shared by the rules of `tallybook allocate`"
    before = ""
    if added.corrected is not None:
        before = f"; in place of {_price(added.corrected)} from then"
    elif added.ended is not None:
        before = f"; {_price(added.ended)} from {written(added.ended.start, zone)} until then"
    return f"{fee.name} {verb}: {_price(fee)} from {since}{until}, {whose}{before}"


def _price(fee: Fee) -> str:
    return f"{money.plain(fee.amount)} {fee.currency} {'a month' if fee.every == 'month' else 'once'}"
