"""The outcome of a call: success, error or cancelled, with the error's type and code, never its message."""

from typing import Final, NamedTuple

from ingest.formats.completion.body import Body, ErrorObject, ExtraFields
from ingest.model.event import Status
from ingest.model.rejection import Refused

_PENDING: Final = frozenset({"queued", "in_progress", "requires_action", "cancelling"})
_FAILED: Final = frozenset({"failed", "expired"})
_OBJECTS_WITH_STATUS: Final = ("response", "realtime.response", "video", "thread.run")
"""Objects whose `status` is the status of the call. Batches and files have a `status` of their own."""
_CLIENT_CLOSED: Final = 499


class Outcome(NamedTuple):
    """The status of a call, with the type and code of its error."""

    status: Status
    error_type: str | None = None
    error_code: str | None = None


_SUCCESS: Final = Outcome("success")


def call_outcome(body: Body, extra: ExtraFields) -> Outcome:
    """The outcome of the call of this response.

    Raises:
        Refused: the call has not ended yet.
    """
    if body.error is not None or body.is_bifrost_error:
        return _failure(body, extra)
    if body.status is None or body.object not in _OBJECTS_WITH_STATUS:
        return _SUCCESS
    if body.status in _PENDING and body.usage is None:
        raise Refused(
            "processing", "the call has not ended yet: send its response again when it has", "status"
        )
    if body.status in {"cancelled", "canceled"}:
        return Outcome("cancelled")
    return Outcome("error") if body.status in _FAILED else _SUCCESS


def _failure(body: Body, extra: ExtraFields) -> Outcome:
    error = body.error if isinstance(body.error, ErrorObject) else ErrorObject()
    code = error.code if error.code is not None else body.status_code
    error_type = error.type or _text(error.status) or extra.error_type or None
    error_code = _text(code)
    error_text = f"{error_type} {error_code}".lower()
    cancelled = "cancel" in error_text or _CLIENT_CLOSED in {body.status_code, code}
    return Outcome("cancelled" if cancelled else "error", error_type, error_code)


def _text(code: str | float | None) -> str | None:
    """A code as text, whole numbers without a point."""
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    return None if code is None or code == "" else str(code)
