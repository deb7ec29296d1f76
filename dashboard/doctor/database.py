"""Checks of the database: that it opens, its schema, its secret, its clock, and that it is whole."""

from typing import Final

from dashboard.doctor import store
from dashboard.doctor.model import Case, Findings, trouble, warning
from ingest.ledger import schema
from ingest.ledger.database_file import SECRET, beside
from ingest.ledger.engine import DatabaseError, LedgerBusy
from ingest.ledger.finance_checks import broken_chains
from ingest.ledger.key_hashes import NoSecret, fingerprint, read_secret
from ingest.model.zone import HOUR, instant

_SECOND: Final = 1_000_000
_FEW: Final = 5
"""Seconds by which clocks may differ."""
_MANY: Final = 60
_MADE_AT: Final = 1_764_547_200 * _SECOND
"""2025-12-01: a clock before it is wrong."""


def opens(case: Case) -> Findings:
    """Whether the ledger is there and answers."""
    if case.look is None:
        what = "the file and its folder" if case.file else "that the server runs"
        yield trouble(
            f"the ledger cannot be opened: {case.closed_because}", f"check TALLYBOOK_DATABASE_URL, and {what}"
        )


def schema_fits(case: Case) -> Findings:
    """Whether the schema of the ledger is the schema of this program."""
    if case.look is None or case.revision == schema.revisions()[-1]:
        return
    if case.revision is None:
        yield trouble(
            "the database holds no ledger", "`tallybook migrate` makes one; is it the right database?"
        )
    elif case.revision not in schema.revisions():
        yield trouble(
            f"the ledger has schema {case.revision}, this program knows {schema.revisions()[-1]}",
            "update Tallybook",
        )
    elif case.look.is_embedded:
        yield warning(
            f"the ledger has schema {case.revision}, this program has {schema.revisions()[-1]}",
            "the next command migrates it; back it up before",
        )
    else:
        yield trouble(
            f"the ledger has schema {case.revision}, this program has {schema.revisions()[-1]}",
            "back it up, then run `tallybook migrate`",
        )


def secret(case: Case) -> Findings:
    """The secret that keys and tokens are hashed with."""
    known = (case.properties or {}).get("secret_fingerprint")
    if known is None:
        return
    given = case.settings.secret_key
    path = None if case.file is None else beside(case.file, SECRET)
    if given is not None:
        if fingerprint(given.get_secret_value().encode()) != known:
            yield trouble(
                "TALLYBOOK_SECRET_KEY is not the one that this ledger's keys were hashed with",
                "set the first one again",
            )
    elif path is None:
        yield trouble(
            "TALLYBOOK_SECRET_KEY is not set", "set the one that this ledger's keys were hashed with"
        )
    elif not path.exists():
        yield trouble(
            f"the secret file {path} is missing",
            "bring it back from a backup: keys and tokens are hashed with it",
        )
    else:
        try:
            text = read_secret(path)
        except (NoSecret, OSError) as error:
            yield trouble(
                f"the secret file cannot be read: {error}", "bring it back from a backup, or run as its owner"
            )
            return
        if fingerprint(text) != known:
            yield trouble(
                f"{path} is not the secret of this ledger", "bring the first one back from a backup"
            )


def clock(case: Case) -> Findings:
    """The machine's clock against the database's, the newest events and the files."""
    if case.now < _MADE_AT:
        yield trouble(f"the clock says {_day(case.now)}", "set the machine's clock")
    if case.look is not None and (theirs := case.look.clock()) is not None:
        difference = abs(theirs - case.now) // _SECOND
        found = trouble if difference > _MANY else warning
        if difference > _FEW:
            yield found(f"the clock is {difference:,} s off the database server's", "set both by NTP")
    if case.file is not None and case.has_file:
        ahead = int(case.file.stat().st_mtime * _SECOND) - case.now
        if ahead > _MANY * _SECOND:
            yield warning(
                f"{case.file.name} was written {ahead // _SECOND:,} s from now: the clock went back",
                "set it by NTP",
            )
    if case.ledger is not None:
        yield from _calls_from_the_future(case)


def _calls_from_the_future(case: Case) -> Findings:
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        newest = store.newest_arrival(connection)
        count = store.calls_after(connection, case.now + HOUR)
    if newest is not None and newest > case.now + _MANY * _SECOND:
        yield trouble(
            f"the newest call was received {(newest - case.now) // _SECOND:,} s from now: the clock went back",
            "set the machine's clock by NTP",
        )
    if count:
        some = f"{count:,}" if count < store.MOST_COUNTED else f"{count:,} or more"
        yield warning(
            f"{some} calls are dated more than an hour from now: they count in days to come",
            "set the clock of the gateway that sends them; `tallybook spend --from` tomorrow `--by source` names it",
        )


def integrity(case: Case) -> Findings:
    """Whether the database is damaged, as far as can be seen in a second."""
    assert case.look is not None, "asked with an open database only"
    try:
        faults = case.look.faults()
    except DatabaseError as error:
        if isinstance(error, LedgerBusy) and error.outage.code != "damaged":
            raise  # it is away, or larger than can be read in the time
        faults = [str(error)]
    for fault in faults:
        yield trouble(f"the database is damaged: {fault}", "stop what writes, and restore a backup")


def chains(case: Case) -> Findings:
    """Whether closings, adjustments and the audit log are what was sealed."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        for message in broken_chains(connection):
            yield trouble(message, "`tallybook verify` says more; compare with a backup")


def _day(at: int) -> str:
    return instant(at).date().isoformat()
