"""Rows of Bifrost's log about resources and jobs: which of them are calls of a model.

Bifrost logs every use of its API. Listing models, files and jobs, or asking for the state of a job, uses no
model. A batch or a video that a provider makes in its own time is settled by a row of its own once it has
ended: that row is the call, and the rows of its submission and of every look at it are none.
"""

import uuid
from typing import Final

from ingest.formats.bifrost.row import BATCH_DEBUG, VIDEO_DEBUG, LogRow
from ingest.formats.completion import no_call
from ingest.model.rejection import Refused

BATCH: Final = "batch"
BATCH_RESULTS: Final = "batch_results"
_SUBMISSIONS: Final = frozenset({"video_generation", "video_edit", "video_remix"})
_NO_CALLS: Final = no_call.REQUESTS | {
    *("video_retrieve", "video_download", "video_list", "video_delete"),
    *("responses_retrieve", "responses_retrieve_stream", "responses_delete", "responses_cancel"),
    "responses_input_items",
}
"""Request types whose rows are no calls, unless Bifrost states a cost."""
_BATCH_LOGS: Final = uuid.UUID("90a2f576-5276-481f-a753-2c78ccf97607")
"""The namespace of the ids that Bifrost gives to rows that settle a batch."""


def is_about_job(row: LogRow) -> bool:
    """Whether a row is about a job of a provider. Its parent is the request that made the job."""
    return bool(BATCH_DEBUG.read(row.batch_debug) or VIDEO_DEBUG.read(row.video_debug))


def settlement_id(row: LogRow) -> str | None:
    """The id of the row that settles the batch of `row`; None if the row names no batch.

    Bifrost makes it of the provider and the batch, so that a batch is settled once.
    """
    debug = BATCH_DEBUG.read(row.batch_debug)
    return (
        str(uuid.uuid5(_BATCH_LOGS, f"{row.provider}:{debug.batch_id}")) if debug and debug.batch_id else None
    )


def require_call(row: LogRow, request_type: str) -> None:
    """Refuse a row that is no call of a model.

    Raises:
        Refused: `not_a_call`, with what counts in its place.
    """
    if request_type == BATCH_RESULTS and not _settles_batch(row):
        raise Refused(
            "not_a_call", "results of a batch were read: the row that settles the batch is its call", "object"
        )
    if request_type in _SUBMISSIONS and _awaits_settlement(row):
        raise Refused(
            "not_a_call", "a video was asked for: the row that settles the video is its call", "object"
        )
    if request_type in _NO_CALLS and not row.cost:
        raise Refused("not_a_call", f"{request_type} uses no model", "object")


def _settles_batch(row: LogRow) -> bool:
    """Whether a row of results settles its batch, or has a cost and does not say that it only repeats it.

    Rows of versions that settle no batches have neither cost nor usage.
    """
    debug = BATCH_DEBUG.read(row.batch_debug)
    if debug is not None and debug.accounting is not None:
        return not debug.accounting.echo and (bool(row.cost) or row.id == settlement_id(row))
    return bool(row.cost)


def _awaits_settlement(row: LogRow) -> bool:
    """Whether a row only submits a video. A failed submission is a call that failed."""
    debug = VIDEO_DEBUG.read(row.video_debug)
    return debug is not None and debug.accounting is None and not row.cost and row.status == "success"
