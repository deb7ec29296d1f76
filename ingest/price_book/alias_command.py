"""`tallybook prices alias`: another name of a model, such as an Azure deployment."""

from ingest.clock import now
from ingest.ledger.engine import open_ledger
from ingest.model.invalid import Invalid
from ingest.price_book.service import add_alias
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, say, warn


def run(name: str, model: str) -> int:
    """Add the alias; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            add_alias(ledger, name, model, by=current_user(), at=now())
    except Invalid as error:
        warn(f"tallybook: {error}")
        return ExitCode.USAGE
    say(f"{name} is priced as {model} from now on; `tallybook reprice` for earlier calls")
    return ExitCode.OK
