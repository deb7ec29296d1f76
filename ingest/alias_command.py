"""`tallybook prices alias`: another name of a model, such as an Azure deployment."""

from typing import Final

from rich.console import Console

from ingest.clock import now
from ingest.ledger import prices
from ingest.ledger.engine import open_ledger
from ingest.pricing.book import Alias
from ingest.pricing.matching import provider_of
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2


def run(name: str, model: str) -> int:
    """Add the alias; the exit code."""
    out, err = Console(), Console(stderr=True)
    written, meant = _split(name), _split(model)
    if written is None or meant is None:
        bad = name if written is None else model
        err.print(
            f"tallybook: {bad} names no provider; write PROVIDER/MODEL, as in azure/my-deployment",
            highlight=False,
            markup=False,
        )
        return USAGE
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        alias = Alias(
            provider=written[0],
            model=written[1],
            target_provider=meant[0],
            target_model=meant[1],
            added_at=now(),
            added_by=current_user(),
        )
        prices.add_aliases(connection, [alias])
    out.print(
        f"{name} is priced as {model} from now on; `tallybook reprice` for earlier calls", highlight=False
    )
    return WELL


def _split(text: str) -> tuple[str, str] | None:
    provider, slash, model = text.strip().lower().partition("/")
    return (provider_of(provider), model) if slash and provider and model else None
