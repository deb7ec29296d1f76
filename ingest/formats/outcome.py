"""How a call ended: well, with an error, or cancelled; and the error's type and code, never its message."""

from typing import Final, NamedTuple

from ingest.event import Status
from ingest.formats.body import Body, ExtraFields, Fault
from ingest.refusal import Refused

_PENDING: Final = frozenset({"queued", "in_progress"})
_TRACKED: Final = ("response", "realtime.response", "video")
"""Objects whose `status` is that of the call; batches and files have one of their own."""
_CLIENT_CLOSED: Final = 499


class Outcome(NamedTuple):
    """Status, and what is known of the error."""

    status: Status
    error_type: str | None = None
    error_code: str | None = None


_SUCCESS: Final = Outcome("success")


def outcome(body: Body, extra: ExtraFields) -> Outcome:
    """How the call of this response ended.

    Raises:
        Refused: it has not ended yet.
    """
    if body.error is not None or body.is_bifrost_error:
        return _failed(body, extra)
    if body.status is None or body.object not in _TRACKED:
        return _SUCCESS
    if body.status in _PENDING and body.usage is None:
        raise Refused(
            "processing", "the call has not ended yet: send its response again when it has", "status"
        )
    if body.status in {"cancelled", "canceled"}:
        return Outcome("cancelled")
    return Outcome("error") if body.status == "failed" else _SUCCESS


def _failed(body: Body, extra: ExtraFields) -> Outcome:
    fault = body.error if isinstance(body.error, Fault) else Fault()
    code = fault.code if fault.code is not None else body.status_code
    error_type = fault.type or _text(fault.status) or extra.error_type or None
    error_code = _text(code)
    said = f"{error_type} {error_code}".lower()
    cancelled = "cancel" in said or _CLIENT_CLOSED in {body.status_code, code}
    return Outcome("cancelled" if cancelled else "error", error_type, error_code)


def _text(code: str | float | None) -> str | None:
    """A code as text; a whole number stays one."""
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    return None if code is None or code == "" else str(code)
