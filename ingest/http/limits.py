"""Limits: what one body, one turn and one slow client may cost. `docs/http.md` lists them."""

from typing import Final

RECORD_BYTES: Final = 4 * 2**20
"""The largest record over HTTP. Files may have larger ones."""
TRACES_BYTES: Final = 16 * 2**20
"""The largest trace request, unpacked."""
TRACES_VALUES: Final = 1_000_000
"""Values of a trace request in JSON, which is decoded in one go."""

BLOCK_BYTES: Final = 2**20
"""Bytes that are collected from the network before a turn."""
TURN_BYTES: Final = 2**20
"""Unpacked bytes of a turn."""
TURN_SECONDS: Final = 0.05
"""A turn ends with the first record or piece after this time."""
PIECE_BYTES: Final = 2**17
"""Unpacked bytes that are split into records at once."""
BATCH_RECORDS: Final = 1_000
"""Calls and rejections of a commit. A turn has at most one commit."""
BATCH_SPANS: Final = 250
"""The same of a trace request: looking for other spans of each call takes longer."""
BATCH_BYTES: Final = 4 * 2**20
"""Bytes of the records of a commit."""
LEAST_BATCH: Final = 100
COMMIT_SECONDS: Final = 0.05
"""Processor time of a commit, above which the next commits of the body are half as large."""

MOST_REJECTIONS: Final = 1_000
"""A body is refused from so many rejections on, if they are more than nine tenths of its records."""

SILENCE_SECONDS: Final = 30.0
"""How long a client may send nothing in the middle of a body."""
LEAST_SPEED: Final = 1024
"""Bytes a second that a client must send on average, over each `SPEED_SECONDS` of waiting for it."""
SPEED_SECONDS: Final = 60.0
OTHER_BODY_BYTES: Final = 8 * 2**20
"""The largest body of a request that is not for ingestion."""
DRAIN_BYTES: Final = 64 * 2**20
"""Bytes of a refused body that are read and dropped before the answer."""
DRAIN_SECONDS: Final = 5.0

BODY_BYTES: Final = 2**17
"""What a body costs in memory beside its bytes: its connection, its unpacker, its receipt."""
CALL_BYTES: Final = 2**11
"""What a decoded call costs in memory until it is committed."""
VALUE_BYTES: Final = 2**7
"""What a decoded value of a trace request in JSON costs in memory."""
SMALL_BODY_BYTES: Final = 2**19
"""A body that holds no more than this may use the reserved quarter of the memory for bodies."""

LOCK_SECONDS: Final = 2.0
"""How long a write waits for the database's lock."""
RETRY_SECONDS: Final = 1.0
"""How often a ledger that is locked or away is tried again."""
RETRY_AFTER: Final = "5"
"""Seconds after which a client that was refused with 503 may come again."""

HEADERS_SECONDS: Final = 10.0
"""How long a client may take for the headers of a request."""
HEADERS_BYTES: Final = 2**16
MOST_HEADERS: Final = 100
READ_SECONDS: Final = 60.0
"""How long a client may leave an answer unread."""
SENDING_SECONDS: Final = 10.0
"""How long a request may be on its way before its connection makes room where there are too many."""
CHECK_SECONDS: Final = 1.0
"""How often the time limits of a connection are checked."""
MOST_CONNECTIONS: Final = 10_000
"""Connections of one worker, if it may open so many files."""
FILES_RESERVED: Final = 128
"""Files that are no connections: the database and its log, libraries, imports."""
