from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from ingest.ledger import engine as ledger_engine
from ingest.ledger import schema
from ingest.ledger.engine import DatabaseError, Ledger, LedgerBusy, LedgerError, open_ledger
from ingest.ledger.fields import FACTS, TERMS, WHO
from ingest.ledger.tables.calls import metadata, term
from ingest.model import event
from ingest.pricing.charge import Charge
from ingest.settings import Settings
from tests.support.ledgers import SECRET


def test_migrations_make_the_tables_that_the_program_knows(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_read_from_the_file_names() -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(schema.SCRIPTS))
    assert schema.revisions()[-1] == ScriptDirectory.from_config(configuration).get_current_head()


def test_every_field_of_an_event_and_a_charge_has_a_place() -> None:
    fields = {*event.COLUMNS, *Charge.__struct_fields__}
    assert fields == {*FACTS, *TERMS, *WHO, "price_set"}


def test_opening_an_embedded_ledger_makes_and_migrates_it(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/new.db")
    open_ledger(settings).close()
    assert (tmp_path / "new.db").exists()
    open_ledger(settings).close()


def test_a_ledger_of_an_older_version_keeps_what_it_holds(ledger: Ledger, settings: Settings) -> None:
    """The released schema is brought to this one, with its events."""
    with ledger.writing() as connection:
        connection.execute(term.insert().values(text="kept"))
        configuration = Config()
        configuration.set_main_option("script_location", str(schema.SCRIPTS))
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0001")
    assert not sa.inspect(ledger.engine).has_table("sync_cursor")
    assert schema.migrate(ledger.engine).is_change
    with open_ledger(settings) as opened, opened.reading() as connection:
        assert connection.execute(sa.select(term.c.text)).scalar() == "kept"
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def moved_to(connection: sa.Connection, revision: str) -> None:
    """Bring the schema up or down to a revision."""
    configuration = Config()
    configuration.set_main_option("script_location", str(schema.SCRIPTS))
    configuration.attributes["connection"] = connection
    is_older = revision < schema.revisions()[-1] and revision < _current(connection)
    (command.downgrade if is_older else command.upgrade)(configuration, revision)


def _current(connection: sa.Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def test_deliveries_of_older_ledgers_get_the_numbers_of_their_statements(ledger: Ledger) -> None:
    """A statement that was sent is not sent again under its new number."""

    def sent() -> list[str]:
        return list(connection.execute(sa.text("SELECT what FROM delivery ORDER BY number")).scalars())

    with ledger.writing() as connection:
        moved_to(connection, "0016")
        for event, status in enumerate(("closing", "closed", "open", "closed"), start=1):
            connection.execute(
                sa.text(
                    "INSERT INTO period_event (period, revision, status, at, by, reason) "
                    "VALUES ('2026-10', :event, :status, 0, 'ann', '')"
                ),
                {"event": event, "status": status},
            )
        for event in (2, 4):
            connection.execute(
                sa.text(
                    "INSERT INTO delivery (what, target, schedule_number, period, status, attempts, due_at, said)"
                    " VALUES (:what, 'folder:/x', 1, '2026-10', 'sent', 1, 0, '')"
                ),
                {"what": f"chargeback 2026-10/{event} by team as pdf"},
            )
        before = sent()
        moved_to(connection, "0017")
        assert sent() == [f"chargeback 2026-10/{number} by team as pdf" for number in (1, 2)]
        moved_to(connection, "0016")
        assert sent() == before
        moved_to(connection, schema.revisions()[-1])


def test_a_ledger_that_another_writer_holds_is_busy(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_engine, "BUSY_SECONDS", 0.05)
    url = f"sqlite:///{embedded.engine.url.database}"
    with open_ledger(Settings(database_url=url, secret_key=SECRET)) as other, embedded.writing():
        with pytest.raises(LedgerBusy, match="locked") as busy, other.writing():
            pass
        assert busy.value.kind == "OperationalError"


def test_what_the_database_refuses_for_good_is_not_busy(ledger: Ledger) -> None:
    with pytest.raises(DatabaseError, match=r"(?i)unique") as refused, ledger.writing() as connection:
        connection.execute(term.insert(), [{"text": "twice"}, {"text": "twice"}])
    assert not isinstance(refused.value, LedgerBusy)


def test_a_ledger_newer_than_the_program_is_refused(ledger: Ledger, settings: Settings) -> None:
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="newer Tallybook"):
        open_ledger(settings)


@pytest.mark.postgres
def test_another_database_wants_to_be_migrated(postgres: sa.URL) -> None:
    url = postgres.set(database="postgres").render_as_string(hide_password=False)
    with pytest.raises(LedgerError, match="tallybook migrate"):
        open_ledger(Settings(database_url=url, secret_key=SecretStr("s")))


def test_a_ledger_is_opened_only_with_the_secret_its_keys_were_hashed_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_ledger(Settings(database_url=url, secret_key=SecretStr("one"))).close()
    with pytest.raises(LedgerError, match="TALLYBOOK_SECRET_KEY"):
        open_ledger(Settings(database_url=url, secret_key=SecretStr("two")))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://localhost/x", "not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:////no/such/folder/x.db", "cannot open"),
    ],
)
def test_a_wrong_database_url_is_explained(url: str, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        open_ledger(Settings(database_url=url, secret_key=SecretStr("s")))
