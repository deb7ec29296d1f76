"""`tallybook rejected`: what was refused and why, and another try when the reason is gone."""

import sqlalchemy as sa
from rich.console import Console

from ingest.accept import Intake, make_decoder
from ingest.clock import now
from ingest.decoding import Context
from ingest.import_command import USAGE, WrongChoice, choice
from ingest.ledger.engine import open_ledger
from ingest.ledger.tables import rejected_record
from ingest.mapping import source_of
from ingest.settings import Settings
from ingest.splitting import RawRecord


def show(limit: int) -> int:
    """Print the newest rejected records."""
    c = rejected_record.c
    ledger = open_ledger(Settings())
    with ledger.reading() as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(rejected_record)).scalar_one()
        rows = connection.execute(
            sa.select(rejected_record).order_by(c.rejected_at.desc()).limit(limit)
        ).all()
    out = Console()
    for row in rows:
        place = f"{row.path}:{row.line}" if row.path else row.channel
        field = f" {row.field}:" if row.field else ""
        said = f"{row.rejected_at:%Y-%m-%d %H:%M} {place}: {row.code}:{field} {row.reason}"
        out.print(said, highlight=False, markup=False, soft_wrap=True)
    out.print(f"{total:,} rejected records are kept", highlight=False)
    return 0


def retry(mapping: str | None = None) -> int:
    """Read every kept record again; those that become events now are kept no longer.

    Rows of a mapped table are read with the mapping of the same source, if it is given.
    """
    try:
        _, mapped = choice("auto", mapping)
    except WrongChoice as error:
        Console(stderr=True).print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
        return USAGE
    ledger = open_ledger(Settings())
    decoder = make_decoder(ledger)
    with ledger.reading() as connection:
        rows = connection.execute(
            sa.select(rejected_record).where(rejected_record.c.record.is_not(None))
        ).all()
    taken = waiting = 0
    for row in rows:
        raw = row.record.encode()
        source = source_of(raw)
        if source is not None and (mapped is None or mapped.source != source):
            waiting += 1
            continue
        form = mapped.format if mapped and source is not None else None
        context = Context(channel="retry", received_at=now(), source=row.source, format=form, path=row.path)
        batch = decoder.decode([RawRecord(0, row.line, raw)], context)
        if batch.rejections:
            continue
        with Intake(ledger, decoder, context) as intake:
            intake.accept_decoded(batch)
        with ledger.writing() as connection:
            connection.execute(
                rejected_record.delete().where(rejected_record.c.rejected_id == row.rejected_id)
            )
        taken += 1
    out = Console()
    out.print(f"{taken:,} of {len(rows):,} records are events now", highlight=False)
    if waiting:
        out.print(f"{waiting:,} are rows of a mapped table: name its mapping with --mapping", highlight=False)
    return 0
