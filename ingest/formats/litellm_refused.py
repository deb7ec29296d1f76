"""What LiteLLM writes and a ledger of calls cannot take in: sums of many calls, and records that are encrypted."""

from typing import Final, NoReturn

from ingest.formats.format import Fields, Format
from ingest.refusal import Refused

_SUMMED: Final = frozenset({"api_requests", "successful_requests", "failed_requests"})
"""Counts of calls: a record of one call has none."""


def recognises_sum(fields: Fields) -> bool:
    """Whether this is a sum of calls: daily activity, its export and tables, or summarized spend logs."""
    if "date" in fields:
        return "metrics" in fields or ("spend" in fields and not _SUMMED.isdisjoint(fields))
    if "startTime" in fields:
        return "spend" in fields and "users" in fields and "models" in fields
    return "results" in fields and "metadata" in fields and b'"total_spend"' in bytes(fields["metadata"])


def _read_sum(_raw: bytes) -> NoReturn:
    raise Refused(
        "aggregate",
        "this is a sum over many calls, which cannot be counted once, priced or checked: send the calls themselves, "
        "from LiteLLM_SpendLogs (GET /spend/logs/v2, or without summarize) or by callback",
    )


def recognises_encrypted(fields: Fields) -> bool:
    """Whether this is a record that LiteLLM's SQS callback has encrypted."""
    return "__encrypted__" in fields


def _read_encrypted(_raw: bytes) -> NoReturn:
    raise Refused(
        "encrypted",
        "this record is encrypted by LiteLLM's SQS callback: decrypt it first, or log without encryption",
        "__encrypted__",
    )


AGGREGATE: Final = Format(
    name="litellm-daily-activity",
    title="LiteLLM's daily activity and other sums: known, and refused, as it holds no calls",
    recognises=recognises_sum,
    read=_read_sum,
)
ENCRYPTED: Final = Format(
    name="litellm-encrypted",
    title="an encrypted record of LiteLLM's SQS callback: known, and refused",
    recognises=recognises_encrypted,
    read=_read_encrypted,
)
