"""The shapes of bodies and answers in the OpenAPI document.

Documentation only: nothing is parsed with them.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ingest.http.problems import MEDIA_TYPE


class RejectionShape(BaseModel):
    """A record that could not become an event."""

    index: int = Field(description="Position among the records of the body, from 0.")
    line: int = Field(description="Line of the body where it starts, from 1.")
    code: str = Field(description="Why, as a stable code.", examples=["wrong_type"])
    reason: str = Field(description="Why, and what to do, for people.")
    field: str | None = Field(default=None, description="The field at fault.")


class ReceiptShape(BaseModel):
    """What became of each record: each is in exactly one of accepted, duplicates, revised and rejected."""

    accepted: int = Field(ge=0, description="New calls.")
    duplicates: int = Field(ge=0, description="Records that the ledger had before.")
    revised: int = Field(ge=0, description="Records that correct a call that the ledger had.")
    rejected: int = Field(ge=0, description="Records that could not become events.")
    unpriced: int = Field(ge=0, description="Accepted calls that no price is known for.")
    keyless: int = Field(
        ge=0,
        description="Records without a key of their own: sent again without an Idempotency-Key, they count again.",
    )
    flagged: int = Field(ge=0, description="Accepted calls of which a part is doubtful.")
    rejections: list[RejectionShape] = Field(description="The first 100 of the rejected.")
    event_ids: list[str] = Field(description="Ids of the first 1,000 events, in the order of their records.")


class ProblemShape(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str = Field(description="Stable: programs may rely on it.")
    detail: str
    request_id: str | None = Field(default=None, description="As in `X-Request-ID` and in the log.")
    receipt: ReceiptShape | None = Field(
        default=None, description="What of the body was committed before; sending it all again is safe."
    )


class PartialSuccessShape(BaseModel):
    """What of a trace request was rejected; sending it again would not help."""

    rejectedSpans: str = Field(description="How many calls, as text: a 64-bit integer.")  # noqa: N815 - OTLP's name
    errorMessage: str = Field(description="Why, for people.")  # noqa: N815 - as above


class TracesShape(BaseModel):
    """OTLP's ExportTraceServiceResponse in JSON."""

    partialSuccess: PartialSuccessShape | None = None  # noqa: N815 - as above


class StatusShape(BaseModel):
    """A failure of a trace request: `google.rpc.Status` in JSON."""

    code: int = Field(description="gRPC's code of the failure.")
    message: str


class FormatShape(BaseModel):
    """A format that is read."""

    name: str
    title: str


_PROBLEMS: Final = {
    400: "The body cannot be read at all, or nearly all of its records are rejected",
    401: "An access token is needed (where the server has one)",
    403: "The token may not do this, or the request comes from elsewhere (where the server needs no token)",
    408: "The body came too slowly; the receipt says what was committed",
    413: "The body is too large, packed or unpacked; the receipt says what was committed",
    415: "The body is of a kind, or packed in a way, that is not read",
    422: "A parameter cannot be used",
    429: "Too many wrong tokens have come from this address; Retry-After says when to try again",
    500: "Something went wrong here",
    503: "The ledger cannot take it now; Retry-After says when to try again",
}

_RECORD: Final = {"type": "object", "additionalProperties": True}
_LINES: Final = {"schema": {"type": "string"}, "example": '{"id":"a","usage":{}}\n{"id":"b","usage":{}}\n'}
_STATED: Final = {
    "model": "The model of records that do not name one.",
    "provider": "The provider of records that do not name one.",
    "occurred-at": "The time of records that have none: RFC 3339 with a zone, or seconds since 1970.",
    "session": "The session of records that do not name one.",
    "labels": "Labels of all records, as a JSON object; a record's own label of the same name stands.",
}
INGEST_BODY: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": f"x-tallybook-{name}",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": description,
        }
        for name, description in _STATED.items()
    ],
    "requestBody": {
        "required": True,
        "description": "One record, an array of records, JSON lines, or server-sent events; plain, gzip or zstd.",
        "content": {
            "application/json": {"schema": {"oneOf": [_RECORD, {"type": "array", "items": _RECORD}]}},
            "application/jsonl": _LINES,
            "application/x-ndjson": _LINES,
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'data: {"id":"a"}\n\ndata: [DONE]\n\n',
            },
        },
    },
}


_SHAPE: Final = ProblemShape.model_json_schema(ref_template="#/components/schemas/{model}")
_SHAPE.pop("$defs")  # the receipt is a component of the document already


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems with these statuses, as OpenAPI describes responses."""
    return {
        status: {"description": _PROBLEMS[status], "content": {MEDIA_TYPE: {"schema": _SHAPE}}}
        for status in statuses
    }


_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
TRACES_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "An ExportTraceServiceRequest of OTLP; plain, gzip or zstd.",
        "content": {
            "application/x-protobuf": _BINARY,
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"resourceSpans": {"type": "array", "items": {"type": "object"}}},
                }
            },
        },
    }
}


def _in_protobuf(status: int) -> dict[str, Any]:
    content = {"application/x-protobuf": _BINARY}
    return {"description": _PROBLEMS[status], "model": StatusShape, "content": content}


TRACES_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/x-protobuf": _BINARY}},
    **{status: _in_protobuf(status) for status in (400, 401, 403, 413, 415, 500, 503)},
}
"""Answers of the trace receiver, in the encoding of the request; in JSON if the encoding is unknown."""
