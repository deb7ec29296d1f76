"""Pictures: the size and the quality of images that a call made, which their price may depend on."""

import re
from typing import Final

import msgspec

from ingest.event import UsageEvent

_SIZE: Final = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")
_QUALITY: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LONGEST: Final = 40
_UNSAID: Final = "auto"


def pictured(event: UsageEvent, size: msgspec.Raw, quality: msgspec.Raw) -> UsageEvent:
    """`event` with the size and quality that a source writes beside its images; what says neither, such as `auto`, is passed over."""
    across, made = _word(size), _word(quality)
    return msgspec.structs.replace(
        event,
        image_size=across if across and _SIZE.fullmatch(across) else None,
        image_quality=made if made and made != _UNSAID and _QUALITY.fullmatch(made) else None,
    )


def _word(raw: msgspec.Raw) -> str | None:
    """A short text in small letters; None for anything else."""
    try:
        return msgspec.json.decode(raw, type=str).lower() if len(memoryview(raw)) <= _LONGEST else None
    except msgspec.DecodeError:
        return None
