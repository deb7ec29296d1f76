"""LiteLLM's records that are not supported: sums over many calls, and encrypted records."""

from typing import Final, NoReturn

from ingest.formats.format import Fields, Format
from ingest.model.rejection import Refused

_CALL_COUNTS: Final = frozenset({"api_requests", "successful_requests", "failed_requests"})
"""Numbers of calls, which a record of one call does not have."""


def recognises_aggregate(fields: Fields) -> bool:
    """Whether this is a sum over calls: daily activity, its export and tables, or summarized spend logs."""
    if "date" in fields:
        return "metrics" in fields or ("spend" in fields and not _CALL_COUNTS.isdisjoint(fields))
    if "startTime" in fields:
        return "spend" in fields and "users" in fields and "models" in fields
    return "results" in fields and "metadata" in fields and b'"total_spend"' in bytes(fields["metadata"])


def _refuse_aggregate(_raw: bytes) -> NoReturn:
    raise Refused(
        "aggregate",
        "this is a sum over many calls, which cannot be counted once, priced or checked: "
        "send the calls themselves, from LiteLLM_SpendLogs (GET /spend/logs/v2, or without summarize) or by callback",
    )


def recognises_encrypted(fields: Fields) -> bool:
    """Whether this is an encrypted record of LiteLLM's SQS callback."""
    return "__encrypted__" in fields


def _refuse_encrypted(_raw: bytes) -> NoReturn:
    raise Refused(
        "encrypted",
        "this record is encrypted by LiteLLM's SQS callback: decrypt it first, or log without encryption",
        "__encrypted__",
    )


AGGREGATE: Final = Format(
    name="litellm-daily-activity",
    title="LiteLLM's daily activity and other sums: known, and refused, as it holds no calls",
    recognises=recognises_aggregate,
    read=_refuse_aggregate,
)
ENCRYPTED: Final = Format(
    name="litellm-encrypted",
    title="an encrypted record of LiteLLM's SQS callback: known, and refused",
    recognises=recognises_encrypted,
    read=_refuse_encrypted,
)
