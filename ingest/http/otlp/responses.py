"""Answers of the trace receiver: OTLP prescribes their bodies, in the encoding of the request.

A request that was decoded is a success, even if spans are rejected: the answer counts them and gives
the reasons, and the client must not send them again. Clients retry only after 429, 502, 503 and 504.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ingest.model.receipt import Receipt

PATH: Final = "/v1/traces"
JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"

_REASONS_SHOWN: Final = 3
_INVALID_ARGUMENT: Final = 3
_CODES: Final = {401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 429: 8, 500: 13, 503: 14}
"""The gRPC code in `google.rpc.Status` of each HTTP status."""
_CODE_TAG: Final = b"\x08"
_MESSAGE_TAG: Final = b"\x12"


def media_type(headers: Mapping[str, str]) -> str | None:
    """The encoding of a request; None for an unsupported encoding."""
    stated = headers.get("content-type", "").partition(";")[0].strip().lower()
    return stated if stated in {JSON, PROTOBUF} else None


def success(receipt: Receipt, media: str) -> bytes:
    """The body of a success."""
    if media == JSON:
        return msgspec.json.encode(_partial(receipt))
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response = ExportTraceServiceResponse()
    if receipt.rejected:
        response.partial_success.rejected_spans = receipt.rejected
        response.partial_success.error_message = _reasons(receipt)
    body: bytes = response.SerializeToString()
    return body


def failure(status: int, message: str, media: str | None) -> tuple[bytes, str]:
    """The body of a failure, a `google.rpc.Status`, and its media type."""
    code = _CODES.get(status, _INVALID_ARGUMENT)
    if media != PROTOBUF:
        return msgspec.json.encode({"code": code, "message": message}), JSON
    text = message.encode()
    return _CODE_TAG + _varint(code) + _MESSAGE_TAG + _varint(len(text)) + text, PROTOBUF


def _partial(receipt: Receipt) -> dict[str, dict[str, str]]:
    if not receipt.rejected:
        return {}
    return {"partialSuccess": {"rejectedSpans": str(receipt.rejected), "errorMessage": _reasons(receipt)}}


def _reasons(receipt: Receipt) -> str:
    """The number of rejected calls and the first different reasons."""
    reasons = list(dict.fromkeys(f"{r.reason} ({r.code})" for r in receipt.rejections))
    shown = "; ".join([*reasons[:_REASONS_SHOWN], *(["..."] if len(reasons) > _REASONS_SHOWN else [])])
    return f"{receipt.rejected} of {receipt.records} model calls were rejected: {shown}"


def _varint(number: int) -> bytes:
    """A non-negative number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - what seven bits hold
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
