"""Every check, in the order in which they run. A new one is an entry here and a row of docs/doctor.md."""

from typing import Final

from dashboard.doctor import calls, database, files, set_up, work
from dashboard.doctor.model import Check

CHECKS: Final = (
    Check("settings", "variables that are no settings, values that do not fit", "all settings are known and fit", set_up.settings),
    Check("access", "what keeps the server from starting or lets strangers in: no or short tokens, plain http", "who may come in is well kept", set_up.access),
    Check("permissions", "owner and rights of the ledger, its log, its secret and their folder", "nobody else may open the files", files.permissions, "file"),
    Check("disk", "free space and free inodes of the ledger's disk", "there is room", files.disk, "file"),
    Check("wal", "the size of the write-ahead log", "the log is short", files.wal, "file"),
    Check("replaced", "processes that have an earlier file of the ledger open", "no process has an earlier file open", files.replaced, "file"),
    Check("database", "whether the ledger is there and answers", "the ledger can be opened", database.opens),
    Check("locks", "whether the write lock is free within a second; sessions that hold up others", "the ledger can be written", files.locks, "database"),
    Check("schema", "the tables' version against the program's", "the tables are those of this program", database.schema_fits, "database"),
    Check("secret", "the secret that keys and tokens are hashed with", "the secret is the ledger's", database.secret, "database"),
    Check("zone", "the reporting zone against the setting, the age of zone data", "the reporting zone is known", set_up.zone, "database"),
    Check("clock", "the clock against the database's, the newest calls and the files", "the clocks agree", database.clock, "database"),
    Check("integrity", "damage that SQLite's quick check finds in a second; PostgreSQL's checksums", "no damage was found", database.integrity, "database"),
    Check("chains", "whether closings, adjustments and the audit log are as they were sealed", "what was sealed is unchanged", database.chains, "ledger"),
    Check("sources", "sources that are silent for longer than ever in the last month", "no source has stopped", calls.sources, "ledger"),
    Check("unpriced", "calls of the last month without a price", "all calls have a price", calls.unpriced, "ledger"),
    Check("flagged", "calls of the last month of which a part is doubtful", "no call is flagged", calls.flagged, "ledger"),
    Check("rejected", "records of the last month that could not become calls, by code", "nothing was rejected", calls.rejected, "ledger"),
    Check("doubled", "traffic of the last week that seems to come from two sources", "no traffic seems to count twice", calls.doubled, "ledger"),
    Check("rates", "exchange rates that the last month's amounts need", "all amounts can be added up", calls.rates, "ledger"),
    Check("rollups", "slots that wait for their rollups, and the oldest", "the rollups are made", work.rollups, "ledger"),
    Check("messages", "alerts and reports that are late or did not arrive", "all messages have arrived", work.messages, "ledger"),
    Check("sync", "gateways' stores that have not been read for a day", "all stores are read", work.sync, "ledger"),
    Check("imports", "imports that were cut off", "no import is unfinished", work.imports, "ledger"),
    Check("backups", "whether there is a backup, its age, and whether all of its files are there", "there is a backup", work.backups, "ledger"),
)  # fmt: skip
