"""Media: how a request body is packed and what it is made of, as its headers say."""

from typing import Final

from starlette.datastructures import Headers

from ingest.framing import Framing
from ingest.framing.decompression import Decompressor
from ingest.http.problems import Problem

KINDS: Final[dict[str, Framing]] = {
    "application/json": "auto",
    "application/jsonl": "lines",
    "application/jsonlines": "lines",
    "application/x-jsonlines": "lines",
    "application/x-ndjson": "lines",
    "application/ndjson": "lines",
    "text/event-stream": "sse",
    "application/json-seq": "json",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "text/plain": "auto",
    "application/octet-stream": "auto",
    "application/gzip": "auto",
    "application/x-gzip": "auto",
    "application/zstd": "auto",
    "application/x-www-form-urlencoded": "auto",  # what curl says of any data when nobody tells it
    "": "auto",
}


def kind_of(headers: Headers) -> Framing:
    """What the body is made of.

    Raises:
        Problem: 415 for what cannot hold records.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    kind: Framing | None = "auto" if media_type.endswith("+json") else KINDS.get(media_type)
    if kind is None:
        detail = f"{media_type[:80]!r} is not read here; send application/json, application/jsonl, text/csv or text/event-stream"
        raise Problem(415, "unsupported_media_type", "Not a kind of body that is read", detail)
    return kind


def unpacker_of(headers: Headers, limit: int) -> Decompressor:
    """What unpacks the body: by its Content-Encoding, or by its first bytes where it names none.

    Raises:
        Problem: 415 for an encoding that is not read.
    """
    try:
        return Decompressor.for_encoding(headers.get("content-encoding", ""), limit)
    except LookupError as error:
        accepted = {"Accept-Encoding": "gzip, zstd, identity"}
        raise Problem(
            415, "unsupported_encoding", "Not an encoding that is read", str(error), headers=accepted
        ) from None
